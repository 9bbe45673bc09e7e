/** Keeps secrets out of the environment that an author's functions see. */
import { forgetVariables } from "../config.js";
import { looksSecret, secretsInValue } from "../spec/secrets.js";

/** Removes from this thread's environment what looks like a secret: by its name or its value. */
export function hideSecrets(): void {
  forgetVariables((name, value) => looksSecret(name) || secretsInValue(value).length > 0);
}
