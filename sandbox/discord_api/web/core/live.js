/**
 * The live connection: one websocket per person, opened again with growing pauses after it closes.
 * Each connection begins with a snapshot, so nothing has to be remembered in between.
 */

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5000;

/**
 * @param {string} user id
 * @param {{onEvent: (type: string, data: any) => void, onState: (connected: boolean) => void}} handlers
 * @returns {{close: () => void}} after which no handler is called any more
 */
export function connect(user, { onEvent, onState }) {
  let socket = null;
  let timer = null;
  let pause = FIRST_PAUSE_MS;
  let closed = false;

  function open() {
    const address = new URL(`/_sandbox/live?user=${encodeURIComponent(user)}`, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(address);
    socket.addEventListener("message", receive);
    socket.addEventListener("close", lost);
  }

  function receive(event) {
    if (closed) return;
    const { t, d } = JSON.parse(event.data);
    onEvent(t, d);
    if (t !== "snapshot") return;
    pause = FIRST_PAUSE_MS;
    onState(true);
  }

  function lost() {
    if (closed) return;
    onState(false);
    timer = setTimeout(open, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }

  open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
