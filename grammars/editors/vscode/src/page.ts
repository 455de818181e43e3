// The page that shows the picture of a flow.
import { createHash } from "node:crypto";

const STYLE = "body{margin:0;padding:8px;background:#fff;color:#222}img{max-width:100%}p{font-family:sans-serif}";
const HASH = createHash("sha256").update(STYLE).digest("base64");
/** No script, no request: only the page's own style and a picture that lies in the page. */
export const POLICY = `default-src 'none'; img-src data:; style-src 'sha256-${HASH}'`;

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Writes the page. A picture in an <img> runs no scripts and loads nothing, whatever the flow has in its texts. */
export function page(svg: string, note: string): string {
  const picture = svg ? `<img alt="" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}">` : "";
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}"><style>${STYLE}</style></head>
<body>${note ? `<p>${escaped(note)}</p>` : ""}${picture}</body></html>`;
}
