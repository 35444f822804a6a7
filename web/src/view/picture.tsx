import type { Attachment, Message } from "@parley/client";
import { useEffect, useRef, useState } from "react";
import { useMessenger } from "./use-messenger.ts";

interface PictureProps {
  message: Message;
  attachment: Attachment;
  /** Its longer side at the most, in CSS pixels. */
  maxPx: number;
}

/** A thumbnail that takes its place before it has come; the whole picture when it is clicked. */
export function Picture({ message, attachment, maxPx }: PictureProps) {
  const { attachmentUrl } = useMessenger();
  const [isOpen, setIsOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const { name, width, height, hasThumbnail } = attachment;
  const scale = Math.min(1, maxPx / (width || maxPx), maxPx / (height || maxPx));
  return (
    <>
      <button
        ref={button}
        type="button"
        className="picture"
        aria-label={`Open ${name || "picture"}`}
        onClick={() => setIsOpen(true)}
      >
        <SessionImage
          src={attachmentUrl(message, attachment, hasThumbnail ? "thumbnail" : undefined)}
          alt={name}
          width={Math.round((width || maxPx) * scale)}
          height={Math.round((height || maxPx) * scale)}
          loading="lazy"
        />
      </button>
      {isOpen && (
        <Lightbox
          src={attachmentUrl(message, attachment)}
          name={name || "Picture"}
          onClose={() => {
            setIsOpen(false);
            button.current?.focus();
          }}
        />
      )}
    </>
  );
}

function Lightbox({ src, name, onClose }: { src: string; name: string; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it
    <dialog
      ref={dialog}
      className="lightbox"
      aria-label={name}
      onClose={onClose}
      onClick={({ target }) => target === dialog.current && dialog.current?.close()}
    >
      <header>
        <span className="file-name">{name}</span>
        <a href={`${src}?download`} download={name}>
          Download
        </a>
        <button type="button" className="plain" aria-label="Close" onClick={() => dialog.current?.close()}>
          ×
        </button>
      </header>
      <SessionImage src={src} alt={name} />
    </dialog>
  );
}

/** The browser shows who it is by a cookie. That may have expired while nobody was looking: then once more with a new one. */
function SessionImage(props: React.ComponentProps<"img"> & { alt: string }) {
  const { renewSession } = useMessenger();
  const [tries, setTries] = useState(0);
  return (
    <img
      {...props}
      alt={props.alt}
      key={tries}
      onError={() => {
        if (tries === 0) void renewSession().then(() => setTries(1));
      }}
    />
  );
}
