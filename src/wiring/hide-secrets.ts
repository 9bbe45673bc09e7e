/** Keeps secrets out of the environment that an author's functions see. */
import { forgetVariables } from "../config.js";
import { looksSecret, passwordInUrl } from "../spec/secrets.js";

/** Removes from this thread's environment what looks like a secret: by its name, or a URL with a password. */
export function hideSecrets(): void {
  forgetVariables((name, value) => looksSecret(name) || passwordInUrl(value) !== null);
}
