// A worker of its own owns the WebSocket, so that a busy page never makes the sound stutter.
// Frames: 160 little-endian int16 samples at 8 kHz, every 20 ms, both ways.
"use strict";

const BACKLOG_BYTES = 3200; // 200 ms not yet sent: newer frames are dropped
const ECHO_FRAMES = 75; // the sound test gives back what it heard 1.5 s ago
const LEVEL_EVERY = 5; // frames between two level reports

let fromMicrophone = null;
let toLoudspeaker = null;
let socket = null;
let muted = false;
let echo = null;
let sent = 0;
let received = 0;
const loudest = { me: 0, them: 0 };
let frames = 0;

function note(who, samples) {
  let sum = 0;
  for (const value of samples) sum += value * value;
  loudest[who] = Math.max(loudest[who], Math.sqrt(sum / samples.length));
}

function report() {
  if (++frames % LEVEL_EVERY) return;
  postMessage({ level: { me: loudest.me, them: loudest.them }, sent, received });
  loudest.me = loudest.them = 0;
}

function spoke(buffer) {
  const samples = new Int16Array(buffer);
  note("me", samples);
  if (echo) {
    echo.push(buffer);
    if (echo.length > ECHO_FRAMES) toLoudspeaker.postMessage(echo.shift());
  } else if (socket && socket.readyState === WebSocket.OPEN && socket.bufferedAmount < BACKLOG_BYTES) {
    if (muted) samples.fill(0);
    socket.send(buffer);
    sent++;
  }
  report();
}

function heard(buffer) {
  if (buffer.byteLength !== 320 || echo) return;
  received++;
  note("them", new Int16Array(buffer));
  if (toLoudspeaker) toLoudspeaker.postMessage(buffer, [buffer]);
}

function connect(address) {
  disconnect();
  const mine = new WebSocket(address);
  mine.binaryType = "arraybuffer";
  mine.onopen = () => postMessage({ open: true });
  mine.onmessage = ({ data }) => {
    if (typeof data !== "string") heard(data);
  };
  mine.onclose = ({ code }) => {
    if (socket === mine) {
      socket = null;
      postMessage({ closed: code });
    }
  };
  socket = mine;
}

function disconnect() {
  const old = socket;
  socket = null;
  if (old) old.close();
}

onmessage = ({ data }) => {
  if (data.microphone) {
    fromMicrophone = data.microphone;
    fromMicrophone.onmessage = (message) => spoke(message.data);
  }
  if (data.loudspeaker) toLoudspeaker = data.loudspeaker;
  if (data.connect) connect(data.connect);
  if (data.disconnect) disconnect();
  if (data.mute !== undefined) muted = data.mute;
  if (data.echo !== undefined) echo = data.echo ? [] : null;
};
