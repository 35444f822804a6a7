import type { Attachment, Message } from "@parley/client";
import { FileIcon } from "./outgoing-files.tsx";
import { Picture } from "./picture.tsx";
import { sizeText } from "./sizes.ts";
import { useMessenger } from "./use-messenger.ts";

/** What browsers show, and the server lets them: everything else can only be saved. */
const pictureTypes = /^image\/(png|jpeg|gif|webp|avif)$/;
const videoTypes = /^video\/(mp4|webm)$/;
const audioTypes = /^audio\/(mpeg|mp3|ogg|wav|webm|mp4)$/;

/** In CSS pixels: of several pictures two go side by side. */
const maxPicturePx = { one: 320, several: 240 };

export function MessageAttachments({ message }: { message: Message }) {
  const pictureCount = message.attachments.filter(({ contentType }) => isPicture(contentType)).length;
  const maxPx = pictureCount > 1 ? maxPicturePx.several : maxPicturePx.one;
  return (
    <ul className="attachments" aria-label="Attachments">
      {message.attachments.map((attachment) => (
        <li key={attachment.id}>
          <OneAttachment message={message} attachment={attachment} maxPx={maxPx} />
        </li>
      ))}
    </ul>
  );
}

interface AttachmentProps {
  message: Message;
  attachment: Attachment;
}

const essenceOf = (contentType: string) => contentType.split(";")[0]!.trim().toLowerCase();
const isPicture = (contentType: string) => pictureTypes.test(essenceOf(contentType));

function OneAttachment({ maxPx, ...props }: AttachmentProps & { maxPx: number }) {
  const { contentType, pending, width, hasThumbnail } = props.attachment;
  if (isPicture(contentType)) {
    if (pending) return <PreparedLater {...props} />;
    if (hasThumbnail || width > 0) return <Picture {...props} maxPx={maxPx} />;
  }
  const type = essenceOf(contentType);
  if (videoTypes.test(type) || audioTypes.test(type))
    return <Player {...props} isVideo={videoTypes.test(type)} />;
  return <FileLink {...props} />;
}

/** Until the server has made its thumbnail. */
function PreparedLater({ attachment }: AttachmentProps) {
  return (
    <div className="picture-place" role="img" aria-label={`${attachment.name || "Picture"}, being prepared`}>
      <span className="hint">Preparing…</span>
    </div>
  );
}

function Player({ message, attachment, isVideo }: AttachmentProps & { isVideo: boolean }) {
  const { attachmentUrl } = useMessenger();
  const src = attachmentUrl(message, attachment);
  return (
    <div className="player">
      {isVideo ? (
        // biome-ignore lint/a11y/useMediaCaption: what people send has none
        <video controls preload="metadata" src={src} aria-label={attachment.name || "Video"} />
      ) : (
        // biome-ignore lint/a11y/useMediaCaption: as above
        <audio controls preload="none" src={src} aria-label={attachment.name || "Sound"} />
      )}
      <FileLink message={message} attachment={attachment} />
    </div>
  );
}

function FileLink({ message, attachment }: AttachmentProps) {
  const { attachmentUrl } = useMessenger();
  const { name, size } = attachment;
  return (
    <a
      className="file-link"
      href={`${attachmentUrl(message, attachment)}?download`}
      download={name || "file"}
      aria-label={`Download ${name || "file"}, ${sizeText(size)}`}
    >
      <FileIcon />
      <span className="file-name">{name || "File"}</span>
      <span className="hint">{sizeText(size)}</span>
    </a>
  );
}
