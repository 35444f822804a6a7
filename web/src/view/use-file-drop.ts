/** Files that are dragged over an element, and dropped there. */
import { useRef, useState } from "react";

export interface FileDrop {
  isOver: boolean;
  handlers: Pick<React.DOMAttributes<HTMLElement>, "onDragEnter" | "onDragOver" | "onDragLeave" | "onDrop">;
}

export function useFileDrop(onFiles: (files: File[]) => void): FileDrop {
  const [isOver, setIsOver] = useState(false);
  // Entering a child comes before leaving its parent: only the count tells when the last one was left.
  const depth = useRef(0);

  function move(event: React.DragEvent, step: 1 | -1): void {
    if (!holdsFiles(event)) return;
    depth.current = Math.max(0, depth.current + step);
    setIsOver(depth.current > 0);
  }

  return {
    isOver,
    handlers: {
      onDragEnter: (event) => move(event, 1),
      onDragLeave: (event) => move(event, -1),
      onDragOver(event) {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
      },
      onDrop(event) {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        depth.current = 0;
        setIsOver(false);
        onFiles(filesOf(event.dataTransfer));
      },
    },
  };
}

function holdsFiles({ dataTransfer }: React.DragEvent): boolean {
  return dataTransfer.types.includes("Files");
}

/** Of what is dropped or pasted; without folders, which cannot be read as files. */
export function filesOf({ items, files }: DataTransfer): File[] {
  const isFolder = (index: number) => items[index]?.webkitGetAsEntry?.()?.isDirectory === true;
  if (items.length !== files.length) return [...files];
  return [...files].filter((_, index) => !isFolder(index));
}
