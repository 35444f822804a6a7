/** The web client's heart: follows the events of the Parley client and turns what people do into calls. */
import { type Chat, type ChatChanges, type Message, type ParleyClient, ParleyError } from "@parley/client";
import { type AppState, initialState } from "./app-state.ts";
import { createChatSync } from "./chat-sync.ts";
import { describeError } from "./describe-error.ts";
import { createFileSending, type FileSending } from "./file-sending.ts";
import { createJump } from "./jump.ts";
import { createReadMarker } from "./read-marker.ts";
import { createSearch, type Search } from "./search.ts";
import { createStore, type Store } from "./store.ts";
import { createThreads } from "./threads.ts";
import { addMessage, applyRead, putChat } from "./updates.ts";
import { createUserDirectory } from "./user-directory.ts";

export interface Messenger {
  readonly store: Store<AppState>;
  start(): Promise<void>;
  signUp(account: { email: string; password: string; name: string }): Promise<void>;
  signIn(credentials: { email: string; password: string }): Promise<void>;
  signOut(): Promise<void>;
  openChat(chatId: string | undefined): void;
  /** Opens the message's chat where it stands. */
  openMessage(message: Message): void;
  loadOlder(chatId: string): void;
  loadNewer(chatId: string): void;
  /** From an earlier stretch back to the latest messages. */
  showLatest(chatId: string): void;
  readonly search: Search;
  /** Everything up to this message has been seen. */
  markRead(chatId: string, no: number): void;
  send(chatId: string, text: string, replyTo?: string): void;
  /** Files that go with a message. */
  readonly files: FileSending;
  readonly attachmentUrl: ParleyClient["attachmentUrl"];
  /** Gives the browser a new cookie, unless that was just done; never rejects. */
  renewSession(): Promise<void>;
  fileUsage: () => ReturnType<ParleyClient["blobs"]["usage"]>;
  retry(clientId: string): void;
  discard(clientId: string): void;
  typing(chatId: string): void;
  edit(chatId: string, messageId: string, text: string): Promise<void>;
  delete(chatId: string, messageId: string): Promise<void>;
  react(chatId: string, messageId: string, reaction: { emoji: string; remove: boolean }): Promise<void>;
  startDirect(userId: string): Promise<void>;
  createGroup(title: string, memberIds: string[]): Promise<void>;
  changeChat(chatId: string, changes: ChatChanges): Promise<void>;
  listProcessors: ParleyClient["listProcessors"];
  findUsers: (text: string) => ReturnType<ParleyClient["listUsers"]>;
  dismissNotice(): void;
}

const hashPrefix = "#/chat/";
const minRenewalMs = 30_000;

export function createMessenger(parley: ParleyClient): Messenger {
  const store = createStore<AppState>(initialState);
  const directory = createUserDirectory(parley, store);
  const threads = createThreads(parley, store, directory);
  const chatSync = createChatSync({ parley, store, directory, threads });
  const files = createFileSending(parley, store);
  let renewedAtMs = 0;
  const marker = createReadMarker(parley, (chatId, no) => {
    const userId = parley.user?.id;
    if (userId) store.update((state) => applyRead(state, { chatId, userId, no }));
  });

  async function enter(): Promise<void> {
    const me = parley.user;
    store.update((state) => ({ ...state, phase: "ready", me, outbox: parley.outbox() }));
    if (me) directory.put([me]);
    await chatSync.start();
    followHash();
  }

  function followHash(): void {
    const { hash } = location;
    const chatId = hash.startsWith(hashPrefix)
      ? decodeURIComponent(hash.slice(hashPrefix.length))
      : undefined;
    const { openChatId, chats, phase } = store.get();
    if (phase !== "ready" || chatId === openChatId) return;
    const known = chatId !== undefined && chats.has(chatId) ? chatId : undefined;
    store.update((state) => ({ ...state, openChatId: known }));
    if (!known) return;
    threads.showLatest(known);
    threads.load(known).catch(tell);
  }

  function openChat(chatId: string | undefined): void {
    location.hash = chatId === undefined ? "" : hashPrefix + encodeURIComponent(chatId);
    followHash();
  }

  const jump = createJump({
    store,
    chatSync,
    threads,
    onOpen(chatId) {
      location.hash = hashPrefix + encodeURIComponent(chatId);
    },
    onProblem: tell,
  });
  const search = createSearch({
    parley,
    store,
    meet(hits) {
      directory.need(hits.map(({ message }) => message.senderId));
      for (const chatId of new Set(hits.map(({ message }) => message.chatId))) void chatSync.meet(chatId);
    },
  });

  function openNew(chat: Chat): void {
    store.update((state) => putChat(state, chat));
    directory.need([chat.peerId]);
    chatSync.watchPeers();
    openChat(chat.id);
  }

  function tell(error: unknown): void {
    const isEnded = error instanceof ParleyError && (error.code === "signed-out" || error.code === "closed");
    if (!isEnded) store.update((state) => ({ ...state, notice: describeError(error) }));
  }

  const telling = (work: Promise<unknown>): Promise<void> => work.then(() => {}, tell);

  parley.on("state", (connection) => {
    store.update((state) =>
      connection === "signed-out"
        ? { ...initialState, phase: "signed-out", connection }
        : { ...state, connection },
    );
    if (connection === "signed-out") directory.reset();
    const { openChatId, threads: loaded } = store.get();
    // What could not be loaded while there was no connection.
    if (connection === "online" && openChatId && !loaded.get(openChatId)?.isLoaded) {
      threads.load(openChatId).catch(tell);
    }
  });
  parley.on("outbox", ({ message }) => {
    const outbox = parley.outbox().map((entry) => ({ ...entry }));
    // In one update, so that a message is never seen twice, nor for a moment not at all.
    store.update((state) => ({ ...(message ? addMessage(state, message) : state), outbox }));
  });
  window.addEventListener("hashchange", followHash);
  // Files that are not sent yet end with the page: the browser asks first.
  window.addEventListener("beforeunload", (event) => {
    if (store.get().outgoing.length > 0) event.preventDefault();
  });

  return {
    store,
    async start() {
      const user = await parley.restore();
      if (user) await telling(enter());
      else store.update((state) => ({ ...state, phase: "signed-out" }));
    },
    async signUp(account) {
      await parley.signUp(account);
      await parley.signIn(account);
      await telling(enter());
    },
    async signIn(credentials) {
      await parley.signIn(credentials);
      await telling(enter());
    },
    async signOut() {
      location.hash = "";
      await telling(parley.signOut());
    },
    openChat,
    openMessage: (message) => void jump(message),
    loadOlder: (chatId) => void telling(threads.loadOlder(chatId)),
    loadNewer: (chatId) => void telling(threads.loadNewer(chatId)),
    showLatest: threads.showLatest,
    search,
    markRead: marker.mark,
    // What becomes of it is told by the outbox.
    send(chatId, text, replyTo) {
      threads.showLatest(chatId);
      if (files.submit(chatId, text, replyTo)) return;
      void parley.sendMessage(chatId, text, replyTo ? { replyTo } : {}).catch(() => {});
    },
    files,
    attachmentUrl: parley.attachmentUrl,
    async renewSession() {
      if (Date.now() - renewedAtMs < minRenewalMs) return;
      renewedAtMs = Date.now();
      await parley.renewSession().catch(() => {});
    },
    fileUsage: () => parley.blobs.usage(),
    retry: parley.retryMessage,
    discard: parley.discardMessage,
    typing: parley.sendTyping,
    edit: (chatId, messageId, text) => telling(parley.editMessage(chatId, messageId, text)),
    delete: (chatId, messageId) => telling(parley.deleteMessage(chatId, messageId)),
    react: (chatId, messageId, { emoji, remove }) =>
      telling(
        remove
          ? parley.removeReaction(chatId, messageId, emoji)
          : parley.addReaction(chatId, messageId, emoji),
      ),
    async startDirect(userId) {
      openNew(await parley.createChat({ kind: "direct", memberIds: [userId] }));
    },
    async createGroup(title, memberIds) {
      openNew(await parley.createChat({ kind: "group", title, memberIds }));
    },
    async changeChat(chatId, changes) {
      const chat = await parley.updateChat(chatId, changes);
      store.update((state) => putChat(state, chat));
    },
    listProcessors: parley.listProcessors,
    async findUsers(text) {
      const found = await parley.listUsers(text.includes("@") ? { email: text } : { query: text });
      return found.filter(({ id }) => id !== parley.user?.id);
    },
    dismissNotice: () => store.update((state) => ({ ...state, notice: undefined })),
  };
}
