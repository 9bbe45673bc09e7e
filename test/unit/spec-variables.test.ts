// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { describe, expect, it } from "vitest";
import { createSecrets, looksSecret, passwordInUrl } from "../../src/spec/secrets.js";
import { expandVariables } from "../../src/spec/variables.js";

const files: { readonly [path: string]: string } = {
  "/run/secrets/pw": "from file\n",
  key: "line one\nline two\n",
};
const environment = { NAME: "value", EMPTY: "", DB_PASSWORD: "pa55", URL: "postgres://u:p%40ss@h/d" };

function expand(text: string) {
  const secrets = createSecrets();
  const readFile = (path: string) => {
    const content = files[path];
    return content === undefined ? { failure: `there is no file \`${path}\`` } : { text: content };
  };
  return { ...expandVariables(text, { environment, readFile, secrets }), secrets };
}

describe("a variable", () => {
  it.each([
    ["no variable", "no variable"],
    ["a ${NAME} b ${NAME}", "a value b value"],
    ["${EMPTY}", ""],
    ["${NOT_THERE:-default}", "default"],
    ["${EMPTY:-default}", "default"],
    ["${NAME:-default}", "value"],
    ["${NOT_THERE:-}", ""],
    ["${NAME:?is needed}", "value"],
    ["${file:/run/secrets/pw}", "from file"],
    ["$NAME $ {NAME} {NAME}", "$NAME $ {NAME} {NAME}"],
    ["$${NAME}", "${NAME}"],
    ["{{ ds }}", "{{ ds }}"],
  ])("%j becomes %j", (text, expected) => {
    expect(expand(text)).toMatchObject({ text: expected, problems: [] });
  });

  it.each([
    ["${EMPTY:?give a name}", "`EMPTY` is not set: give a name"],
    ["${EMPTY:?}", "`EMPTY` is not set: it is required"],
    ["${toString}", "the variable `toString` is not set"],
    ["${NAME:-${OTHER}}", "a variable cannot stand inside another"],
    ["${file:}", "`${file:}` names no file"],
    ["${}", "`${}` is not a variable"],
    ["${NAME", "`${` is never closed by `}`"],
  ])("%j is refused, and stays", (text, message) => {
    const { problems, text: left } = expand(text);
    expect(problems).toMatchObject([{ code: "spec.variable", message }]);
    expect(left).toBe(text);
  });
});

describe("a secret", () => {
  it.each([
    ["${DB_PASSWORD}", "it is pa55", "it is ***"],
    ["${file:/run/secrets/pw}", "it is from file.", "it is ***."],
    ["${file:key}", "line two\nand line one", "***\nand ***"],
    ["${URL}", "to postgres://u:p%40ss@h or p@ss", "to postgres://u:***@h or ***"],
    ["${NAME}", "the value", "the value"],
  ])("from %s is masked in %j", (text, shown, masked) => {
    expect(expand(text).secrets.mask(shown)).toBe(masked);
  });

  it("that is short is masked where it stands alone", () => {
    const secrets = createSecrets();
    secrets.add("no");
    expect(secrets.mask("no, nothing: u:no@h")).toBe("***, nothing: u:***@h");
  });

  it("within another is masked once", () => {
    const secrets = createSecrets();
    secrets.add("abcd");
    secrets.add("xabcdx");
    expect(secrets.mask("1 xabcdx 2 abcd")).toBe("1 *** 2 ***");
  });

  it.each(["DB_PASSWORD", "PGPASSWORD", "api_token", "AWS_SECRET_ACCESS_KEY", "APIKEY", "SSH_KEY", "DB_PWD"])(
    "is what %s holds",
    (name) => expect(looksSecret(name)).toBe(true),
  );

  it.each(["PWD", "HOME", "KEYBOARD", "MONKEY", "MODEL_PATH", "COMPASS"])("is not what %s holds", (name) =>
    expect(looksSecret(name)).toBe(false),
  );

  it("in a URL is found where it stands", () => {
    expect(passwordInUrl("postgres://user:hunter2@host/db")).toEqual({
      password: "hunter2",
      start: 16,
      end: 23,
    });
    expect(passwordInUrl("redis://:hunter2@host")).toMatchObject({ password: "hunter2" });
    for (const url of ["postgres://user@host/db", "postgres://host:5432/db", "a:b@c", "https://h/x:y@z"])
      expect(passwordInUrl(url)).toBeNull();
  });
});
