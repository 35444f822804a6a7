import { Avatar } from "./avatar.tsx";
import { ChatList } from "./chat-list.tsx";
import { SearchPanel } from "./search-panel.tsx";
import { useAppState, useMessenger } from "./use-messenger.ts";

/** Who is signed in, the search, and the chats, in whose place what was found is shown. */
export function SideBar() {
  const messenger = useMessenger();
  const me = useAppState((state) => state.me);
  const isSearching = useAppState((state) => state.search.status !== "empty");
  return (
    <div className="side-bar">
      <header>
        <Avatar name={me?.name ?? ""} seed={me?.id ?? ""} />
        <span className="own-name">{me?.name}</span>
        <button type="button" className="plain" onClick={() => void messenger.signOut()}>
          Sign out
        </button>
      </header>
      <SearchPanel />
      {!isSearching && <ChatList />}
    </div>
  );
}
