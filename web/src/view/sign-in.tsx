import { ParleyError } from "@parley/client";
import { useId, useState } from "react";
import { describeError } from "../state/describe-error.ts";
import { useMessenger } from "./use-messenger.ts";

export function SignIn() {
  const [isNew, setIsNew] = useState(false);
  return (
    <main className="sign-in">
      <h1>Parley</h1>
      <SignInForm key={String(isNew)} isNew={isNew} />
      <p>
        {isNew ? "You have an account? " : "No account yet? "}
        <button type="button" className="plain" onClick={() => setIsNew(!isNew)}>
          {isNew ? "Sign in instead" : "Create one"}
        </button>
      </p>
    </main>
  );
}

const takenHint = "This did not work. If you have an account already, sign in instead.";

/** Signing up tells nobody whether an address is taken; the sign-in that follows it fails then. */
const isTaken = (error: unknown) => error instanceof ParleyError && error.code === "bad-credentials";

function SignInForm({ isNew }: { isNew: boolean }) {
  const messenger = useMessenger();
  const [problem, setProblem] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);

  async function submit(form: FormData): Promise<void> {
    const value = (name: string) => String(form.get(name) ?? "");
    const credentials = { email: value("email").trim(), password: value("password") };
    setIsBusy(true);
    setProblem(undefined);
    try {
      if (isNew) await messenger.signUp({ ...credentials, name: value("name").trim() });
      else await messenger.signIn(credentials);
    } catch (error) {
      setProblem(isNew && isTaken(error) ? takenHint : describeError(error));
      setIsBusy(false);
    }
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit(new FormData(event.currentTarget));
      }}
    >
      {isNew && <Field name="name" label="Your name" autoComplete="name" maxLength={100} />}
      {isNew ? (
        <Field name="email" label="E-mail" type="email" autoComplete="username" maxLength={254} />
      ) : (
        // Accounts of old APIs may have a login name and no address.
        <Field name="email" label="E-mail or login name" autoComplete="username" {...plainText} />
      )}
      <Field
        name="password"
        label="Password"
        type="password"
        autoComplete={isNew ? "new-password" : "current-password"}
        {...(isNew ? { minLength: 8, hint: "At least 8 characters" } : {})}
      />
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" disabled={isBusy}>
        {isNew ? "Create account" : "Sign in"}
      </button>
    </form>
  );
}

/** A name is typed as it is. */
const plainText = { autoCapitalize: "none", spellCheck: false, maxLength: 254 };

interface FieldProps extends React.ComponentProps<"input"> {
  label: string;
  hint?: string;
}

function Field({ label, hint, ...input }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} required aria-describedby={hint ? `${id}-hint` : undefined} {...input} />
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
