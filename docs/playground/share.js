// A text in the fragment of an address: deflated, in base64. A browser never sends a fragment to a server.

const LONGEST = 400_000;

export async function packed(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// Return the text of a fragment. Throws an Error with a sentence.
export async function unpacked(written) {
  const parts = [];
  let length = 0;
  try {
    const bytes = Uint8Array.from(atob(written.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > LONGEST) {
        await reader.cancel();
        break;
      }
      parts.push(value);
    }
  } catch {
    throw new Error("The link is damaged: its text cannot be read.");
  }
  if (length > LONGEST) throw new Error("The text of this link is too long for the playground.");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await new Blob(parts).arrayBuffer());
  } catch {
    throw new Error("The link is damaged: it holds no text.");
  }
}
