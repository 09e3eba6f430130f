// Talks to the server: requests with the token, uploads with progress, and a socket that opens again.

const token = new URLSearchParams(location.search).get("token") ?? "";

/** The address of `path` ("api/…") with `values` in the query, and the token. */
export function address(path, values = {}) {
  return `${path}?${new URLSearchParams({ ...values, token })}`;
}

/** The JSON that the server answers; an Error with its line if it refuses. */
export async function ask(path, { values = {}, message } = {}) {
  const options = message === undefined ? {} : { method: "POST", body: JSON.stringify(message) };
  let answer;
  try {
    answer = await fetch(address(path, values), options);
  } catch {
    throw new Error("vidstyle does not answer; was it ended in the terminal?");
  }
  const text = await answer.text();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(text || `the server answered ${answer.status}`);
  }
  if (!answer.ok) throw new Error(value.error ?? `the server answered ${answer.status}`);
  return value;
}

/** The picture at `url`, in `image` if one is given; null if it cannot be had. */
export function loaded(url, image = new Image()) {
  return new Promise((resolve) => {
    image.onload = () => resolve(image);  // decode() is not answered in a tab that is not drawn
    image.onerror = () => resolve(null);
    image.src = url;
  });
}

/** Sends a file; `onShare` is called with the share that has been sent. Resolves to the server's JSON. */
export function upload(path, file, name, onShare = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();  // fetch does not tell how much has been sent
    request.open("POST", address(path, { name }));
    request.upload.onprogress = (event) => onShare(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Error(`${name} could not be sent to vidstyle`));
    request.onload = () => {
      let value = {};
      try {
        value = JSON.parse(request.responseText);
      } catch {
        value = { error: request.responseText };
      }
      if (request.status === 200) resolve(value);
      else reject(new Error(value.error || `the server answered ${request.status}`));
    };
    request.send(file);
  });
}

/** A socket that calls `onMessage` with each message, and opens again when the connection is lost. */
export class Socket {
  constructor(onMessage, onState) {
    this.onMessage = onMessage;
    this.onState = onState;
    this.open();
  }

  open() {
    const url = new URL(address("api/socket"), location.href);
    url.protocol = "ws:";
    this.socket = new WebSocket(url);
    this.socket.onopen = () => {
      this.onState(true);
      if (this.last !== undefined) this.socket.send(this.last);
    };
    let head = null;  // of the picture that comes next
    this.socket.onmessage = (event) => {
      if (typeof event.data !== "string") {
        this.onMessage({ ...head, blob: event.data });
        return;
      }
      const message = JSON.parse(event.data);
      if (message.kind === "frame") head = message;
      else this.onMessage(message);
    };
    this.socket.onclose = () => {
      this.onState(false);
      setTimeout(() => this.open(), 1000);
    };
  }

  /** Sends `message`; only the newest one counts, and it is sent again on a new connection. */
  send(message) {
    this.last = JSON.stringify(message);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(this.last);
  }
}
