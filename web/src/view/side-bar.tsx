import { useState } from "react";
import { AccountDialog } from "./account.tsx";
import { Avatar } from "./avatar.tsx";
import { ChatList } from "./chat-list.tsx";
import { SearchPanel } from "./search-panel.tsx";
import { useAppState, useMessenger } from "./use-messenger.ts";

/** Who is signed in, the search, and the chats, in whose place what was found is shown. */
export function SideBar() {
  const messenger = useMessenger();
  const me = useAppState((state) => state.me);
  const [isAccountOpen, setIsAccountOpen] = useState(false);
  const isSearching = useAppState((state) => state.search.status !== "empty");
  return (
    <div className="side-bar">
      <header>
        <Avatar name={me?.name ?? ""} seed={me?.id ?? ""} />
        <button
          type="button"
          className="own-name"
          aria-haspopup="dialog"
          onClick={() => setIsAccountOpen(true)}
        >
          {me?.name}
        </button>
        <button type="button" className="plain" onClick={() => void messenger.signOut()}>
          Sign out
        </button>
      </header>
      {isAccountOpen && <AccountDialog onClose={() => setIsAccountOpen(false)} />}
      <SearchPanel />
      {!isSearching && <ChatList />}
    </div>
  );
}
