import { describe, expect, test } from "@jest/globals";
import type { MediaStats } from "../media/control.ts";
import { type MetricSources, Metrics } from "./metrics.ts";

const media: MediaStats = {
  peers: 2,
  tracks: 3,
  trunks: [],
  counters: { rtp_packets_received: 7 },
  dropped: { bad_integrity: 4 },
  eventLoopDelayP99Ms: 12,
};

function sources(over: Partial<MetricSources> = {}): MetricSources {
  return {
    nodes: () => 3,
    sessions: () => 2,
    rooms: () => [
      { local: 1, remote: 2 },
      { local: 3, remote: 0 },
    ],
    media: () => Promise.resolve(media),
    relay: () => [
      {
        peer: "bell",
        streams: 1,
        packetsTotal: 9,
        bytesTotal: 900,
        lostPacketsTotal: 1,
        repairedPacketsTotal: 1,
        audioDuplicated: true,
        rttSeconds: 0.02,
      },
    ],
    relayWays: () => ({ detours: 1, forwarded: 4 }),
    relayRefused: () => ({ not_a_member: 0 }),
    gossip: () => ({ "packets-in": 5, "packets.out": 6, strange: Number.NaN }),
    ...over,
  };
}

describe("metrics", () => {
  test("[A86] data messages, moderation and quality are counted by closed lists", async () => {
    const metrics = new Metrics({ version: "1.0.0", defaults: false });
    for (const score of [1.2, 3.1, 5]) metrics.quality(score);
    const over = { data: () => ({ sent: 4, rate_limited: 1 }), moderation: () => ({ mute: 2 }) };
    await metrics.render(sources(over));
    const text = await metrics.render(sources(over));
    for (const line of [
      'hearsay_data_messages_total{outcome="sent"} 4',
      'hearsay_data_messages_total{outcome="rate_limited"} 1',
      'hearsay_moderation_total{action="mute"} 2',
      'hearsay_quality_score_bucket{le="3.5"} 2',
      "hearsay_quality_score_count 3",
    ])
      expect(text.split("\n")).toContain(line);
  });

  test("[A86] parts are read at each scrape, and what they count only grows", async () => {
    const metrics = new Metrics({ version: "1.0.0", defaults: false });
    await metrics.render(sources());
    const text = await metrics.render(sources());
    for (const line of [
      "hearsay_mesh_nodes 3",
      "hearsay_rooms 2",
      'hearsay_participants{where="here"} 4',
      'hearsay_participants{where="elsewhere"} 2',
      "hearsay_media_rtp_packets_received_total 7",
      'hearsay_media_dropped_total{reason="bad_integrity"} 4',
      "hearsay_media_event_loop_delay_seconds 0.012",
      'hearsay_relay_packets_total{peer="bell"} 9',
      'hearsay_relay_rtt_seconds{peer="bell"} 0.02',
      'hearsay_relay_audio_duplicated{peer="bell"} 1',
      "hearsay_relay_detours 1",
      "hearsay_relay_forwarded_streams 4",
      "hearsay_gossip_packets_in_total 5",
      "hearsay_gossip_packets_out_total 6",
    ])
      expect(text.split("\n")).toContain(line);
    const silent = await metrics.render(sources({ media: () => Promise.reject(new Error("gone")) }));
    expect(silent).toContain("hearsay_mesh_nodes 3");
  });

  test("[A86] names start with hearsay_ and end in a unit where they count or measure; labels are closed", async () => {
    const metrics = new Metrics({ version: "1.0.0", defaults: false });
    metrics.socketRefusal("rate_limited");
    metrics.socketRefusal("made up by a stranger");
    metrics.httpAnswered({ route: "/v1/users", status: 201, seconds: 0.01 });
    const text = await metrics.render(sources());
    expect(text).toContain('hearsay_socket_refusals_total{code="other"} 1');
    expect(text).not.toContain("stranger");
    for (const [, name = "", kind = ""] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      expect(name).toMatch(/^hearsay_[a-z0-9_]+$/);
      if (kind === "counter") expect(name).toMatch(/_total$/);
      if (kind === "histogram") expect(name).toMatch(/_(seconds|score)$/);
    }
  });
});
