import { createParleyClient, localStorageOutboxStore, localStorageTokenStore } from "@parley/client";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createMessenger } from "./state/messenger.ts";
import "./style.css";
import { App } from "./view/app.tsx";
import { MessengerContext } from "./view/use-messenger.ts";

const parley = createParleyClient({
  url: location.origin,
  tokenStore: localStorageTokenStore(),
  outboxStore: localStorageOutboxStore(),
  sessionCookie: true,
});
const messenger = createMessenger(parley);
void messenger.start();

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MessengerContext value={messenger}>
      <App />
    </MessengerContext>
  </StrictMode>,
);
