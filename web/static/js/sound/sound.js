// The page's ear and mouth: microphone, loudspeaker, levels, and the connection to the box.

const HERE = new URL(".", import.meta.url);
const RETRY_MS = [300, 1000, 2000, 5000];

export class NoMicrophone extends Error {}

export class Sound extends EventTarget {
  // Events: "levels" {me, them} as 0..1, "up", "down".
  constructor(token) {
    super();
    this.token = token; // async () => {token, port}
    this.up = false;
    this.wanted = false;
    this.tries = 0;
    this.sent = 0;
    this.received = 0;
  }

  // Must be called from a click: browsers give sound and microphone only then. Throws NoMicrophone.
  async start(device = "") {
    if (!navigator.mediaDevices) throw new NoMicrophone("insecure");
    if (!this.context) await this.build();
    await this.context.resume();
    await this.microphone(device);
  }

  async build() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(new URL("processors.js", HERE));
    this.capture = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    this.playOut = new AudioWorkletNode(this.context, "play-out", { numberOfInputs: 0, outputChannelCount: [1] });
    this.volume = this.context.createGain();
    this.playOut.connect(this.volume).connect(this.context.destination);
    this.worker = new Worker(new URL("socket.js", HERE));
    const [mouth, ear] = [new MessageChannel(), new MessageChannel()];
    this.capture.port.postMessage({ to: mouth.port1 }, [mouth.port1]);
    this.playOut.port.postMessage({ from: ear.port1 }, [ear.port1]);
    this.worker.postMessage({ microphone: mouth.port2, loudspeaker: ear.port2 }, [mouth.port2, ear.port2]);
    this.worker.onmessage = ({ data }) => this.told(data);
  }

  async microphone(device) {
    const wish = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    if (device) wish.deviceId = { exact: device };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: wish });
    } catch (error) {
      if (device) return this.microphone("");
      throw new NoMicrophone(error.name);
    }
    if (this.source) {
      this.source.disconnect();
      this.stream.getTracks().forEach((track) => track.stop());
    }
    this.stream = stream;
    this.source = this.context.createMediaStreamSource(stream);
    this.source.connect(this.capture);
  }

  async devices(kind) {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.filter((device) => device.kind === kind && device.deviceId !== "communications");
  }

  async loudspeaker(device) {
    if (this.context.setSinkId) await this.context.setSinkId(device);
  }

  connect() {
    this.wanted = true;
    this.tries = 0;
    return this.attempt();
  }

  async attempt() {
    if (!this.wanted) return;
    try {
      const { token, port } = await this.token();
      const scheme = location.protocol === "https:" ? "wss" : "ws";
      const address = `${scheme}://${location.hostname}:${port}/sound?token=${encodeURIComponent(token)}`;
      if (this.wanted) this.worker.postMessage({ connect: address });
    } catch (error) {
      this.again();
    }
  }

  again() {
    clearTimeout(this.timer);
    const pause = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];
    this.timer = setTimeout(() => this.attempt(), pause);
  }

  disconnect() {
    this.wanted = false;
    clearTimeout(this.timer);
    if (this.worker) this.worker.postMessage({ disconnect: true });
    this.becomes(false);
  }

  mute(on) {
    this.worker.postMessage({ mute: on });
  }

  echo(on) {
    this.worker.postMessage({ echo: on });
  }

  told(data) {
    if (data.open) {
      this.tries = 0;
      this.becomes(true);
    }
    if (data.closed !== undefined) {
      this.becomes(false);
      if (this.wanted) this.again();
    }
    if (data.level) {
      this.sent = data.sent;
      this.received = data.received;
      this.dispatchEvent(new CustomEvent("levels", { detail: { me: loudness(data.level.me), them: loudness(data.level.them) } }));
    }
  }

  becomes(up) {
    if (this.up === up) return;
    this.up = up;
    this.dispatchEvent(new Event(up ? "up" : "down"));
  }
}

// -60 dB is nothing, 0 dB is all.
function loudness(rms) {
  const db = 20 * Math.log10(Math.max(1, rms) / 32768);
  return Math.max(0, Math.min(1, 1 + db / 60));
}
