import { ConnectionBanner } from "./connection-banner.tsx";
import { Conversation } from "./conversation.tsx";
import { Notice } from "./notice.tsx";
import { SideBar } from "./side-bar.tsx";
import { SignIn } from "./sign-in.tsx";
import { useAppState } from "./use-messenger.ts";

export function App() {
  const phase = useAppState((state) => state.phase);
  const openChatId = useAppState((state) => state.openChatId);
  if (phase === "starting") return <p className="starting">Parley</p>;
  if (phase === "signed-out") return <SignIn />;
  return (
    <div className={openChatId ? "app has-open-chat" : "app"}>
      <ConnectionBanner />
      <SideBar />
      {openChatId ? <Conversation key={openChatId} chatId={openChatId} /> : <NothingOpen />}
      <Notice />
    </div>
  );
}

function NothingOpen() {
  return (
    <main className="nothing-open">
      <p>Choose a chat, or start a new one.</p>
    </main>
  );
}
