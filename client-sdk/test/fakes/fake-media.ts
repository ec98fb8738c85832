/** Plays the browser's media: tracks, devices, and a peer connection that negotiates with itself. */

export class FakeTrack {
  static count = 0;
  readonly id: string;
  readonly kind: "audio" | "video";
  readonly deviceId: string;
  enabled = true;
  stopped = false;
  contentHint = "";
  onended: (() => void) | null = null;
  constructor(kind: "audio" | "video", deviceId = "default") {
    FakeTrack.count += 1;
    this.id = `track-${FakeTrack.count}`;
    this.kind = kind;
    this.deviceId = deviceId;
  }
  stop(): void {
    this.stopped = true;
  }
  asTrack(): MediaStreamTrack {
    return this as unknown as MediaStreamTrack;
  }
}

export class FakeStream {
  readonly tracks: readonly unknown[];
  constructor(tracks: readonly unknown[]) {
    this.tracks = tracks;
  }
  getTracks(): readonly unknown[] {
    return this.tracks;
  }
}

export class FakeDevices {
  readonly opened: FakeTrack[] = [];
  refuse: string | undefined;
  async getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream> {
    if (this.refuse !== undefined) throw Object.assign(new Error("refused"), { name: this.refuse });
    const kind = constraints.audio === undefined ? "video" : "audio";
    const wish = (constraints.audio ?? constraints.video) as MediaTrackConstraints;
    const deviceId = (wish.deviceId as { exact?: string } | undefined)?.exact;
    const track = new FakeTrack(kind, deviceId);
    this.opened.push(track);
    return new FakeStream([track]) as unknown as MediaStream;
  }
  asMediaDevices(): MediaDevices {
    return this as unknown as MediaDevices;
  }
}

interface FakeTransceiver {
  mid: string | null;
  direction: RTCRtpTransceiverDirection;
  readonly sendEncodings: readonly RTCRtpEncodingParameters[];
  readonly sender: { track: unknown; replaceTrack(track: unknown): Promise<void> };
  readonly receiver: { readonly track: FakeTrack };
}

export class FakePeerConnection {
  static readonly all: FakePeerConnection[] = [];
  readonly transceivers: FakeTransceiver[] = [];
  connectionState: RTCPeerConnectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  localDescription: { readonly sdp: string } | null = null;
  readonly answers: string[] = [];
  closed = false;
  failAnswers = false;

  constructor() {
    FakePeerConnection.all.push(this);
  }
  addTransceiver(trackOrKind: unknown, init: RTCRtpTransceiverInit): FakeTransceiver {
    const track = typeof trackOrKind === "string" ? null : (trackOrKind as FakeTrack);
    const kind = (track?.kind ?? trackOrKind) as "audio" | "video";
    const sender = {
      track: track as unknown,
      replaceTrack: async (next: unknown) => {
        sender.track = next;
      },
    };
    const transceiver: FakeTransceiver = {
      mid: null,
      direction: init.direction ?? "sendrecv",
      sendEncodings: init.sendEncodings ?? [],
      sender,
      receiver: { track: new FakeTrack(kind, "remote") },
    };
    this.transceivers.push(transceiver);
    return transceiver;
  }
  async createOffer(): Promise<{ type: "offer"; sdp: string }> {
    return { type: "offer", sdp: "" };
  }
  async setLocalDescription(): Promise<void> {
    this.transceivers.forEach((transceiver, index) => {
      transceiver.mid ??= String(index);
    });
    const lines = this.transceivers.map(({ mid, direction, receiver }) => `${mid}:${receiver.track.kind}:${direction}`);
    this.localDescription = { sdp: lines.join("\n") };
  }
  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    if (this.failAnswers) throw new Error("InvalidAccessError");
    this.answers.push(sdp);
  }
  async getStats(): Promise<Map<string, unknown>> {
    return new Map();
  }
  close(): void {
    this.closed = true;
  }
  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
  static asConstructor(): typeof RTCPeerConnection {
    return FakePeerConnection as unknown as typeof RTCPeerConnection;
  }
}

/** The globals that remote tracks need. Returns how to take them away again. */
export function installFakeMedia(): () => void {
  const scope = globalThis as unknown as Record<string, unknown>;
  const before = scope["MediaStream"];
  scope["MediaStream"] = FakeStream;
  FakePeerConnection.all.length = 0;
  return () => {
    scope["MediaStream"] = before;
  };
}
