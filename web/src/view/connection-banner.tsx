import { useAppState } from "./use-messenger.ts";

/** Shown only when it lasts (see the stylesheet): most interruptions are over before anybody needs to know. */
export function ConnectionBanner() {
  const connection = useAppState((state) => state.connection);
  const isLost = connection === "connecting" || connection === "offline";
  return (
    <div className="banner-place" role="status">
      {isLost && <p className="banner">Connecting… Messages you write are sent when you are back online.</p>}
    </div>
  );
}
