// Messages with columns: length of the JSON (u32), the JSON, then the columns it names. See studio/messages.py.

const KINDS = { u1: [Uint8Array, 1], u2: [Uint16Array, 2], i4: [Int32Array, 4], f4: [Float32Array, 4] };

/** Returns the JSON of a binary message, with `columns` as an object of typed arrays. */
export function decode(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  let at = 4 + size;
  const columns = {};
  for (const [name, kind, length] of message.columns) {
    const [Column, width] = KINDS[kind];
    // A copy: columns do not start at multiples of their width.
    columns[name] = new Column(buffer.slice(at, at + length * width));
    at += length * width;
  }
  return { ...message, columns };
}
