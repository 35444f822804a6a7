/** The process itself: processor, memory, event loop. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";

const nanosPerSecond = 1e9;
const resolutionMs = 10;

/** The returned function ends the observation. */
export function observeProcess(meter: Meter): () => void {
  observeResources(meter);
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  observeEventLoop(meter, delays);
  return () => void delays.disable();
}

function observeResources(meter: Meter) {
  meter
    .createObservableCounter("process.cpu.time", { unit: "s", description: "Processor time used" })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe(user / 1e6, { "process.cpu.state": "user" });
      result.observe(system / 1e6, { "process.cpu.state": "system" });
    });
  meter
    .createObservableUpDownCounter("process.memory.usage", {
      unit: "By",
      description: "Physical memory in use",
    })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
  meter
    .createObservableUpDownCounter("v8js.memory.heap.used", {
      unit: "By",
      description: "JavaScript heap in use",
    })
    .addCallback((result) => result.observe(process.memoryUsage().heapUsed));
  meter
    .createObservableGauge("process.uptime", { unit: "s", description: "Time since the process started" })
    .addCallback((result) => result.observe(process.uptime()));
}

function observeEventLoop(meter: Meter, delays: ReturnType<typeof monitorEventLoopDelay>) {
  let before = performance.eventLoopUtilization();
  meter
    .createObservableGauge("nodejs.eventloop.utilization", {
      unit: "1",
      description: "Share of the time since the last look in which the event loop was busy",
    })
    .addCallback((result) => {
      const now = performance.eventLoopUtilization();
      result.observe(performance.eventLoopUtilization(now, before).utilization);
      before = now;
    });
  const options = { unit: "s", description: "Event loop delay since the last look" };
  const gauges = [
    [meter.createObservableGauge("nodejs.eventloop.delay.max", options), () => delays.max],
    [meter.createObservableGauge("nodejs.eventloop.delay.p50", options), () => delays.percentile(50)],
    [meter.createObservableGauge("nodejs.eventloop.delay.p99", options), () => delays.percentile(99)],
  ] as const;
  meter.addBatchObservableCallback(
    (result) => {
      // Nothing was measured yet: max is 0 then and the percentiles mean nothing.
      if (delays.count > 0) {
        for (const [gauge, read] of gauges) result.observe(gauge, read() / nanosPerSecond);
      }
      delays.reset();
    },
    gauges.map(([gauge]) => gauge),
  );
}
