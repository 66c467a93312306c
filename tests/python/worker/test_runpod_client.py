"""RunPod's own Python client against an endpoint of the simulator.

Run by `npm run test:worker`, which says where the endpoint is."""

import os
import time
import unittest

import runpod

runpod.api_key = os.environ["PODGATE_KEY"]
ENDPOINT = os.environ["PODGATE_ENDPOINT"]


def chat(text, **more):
    messages = [{"role": "user", "content": text}]
    asked = {"messages": messages, "max_tokens": 6, **more}
    return {"openai_route": "/v1/chat/completions", "openai_input": asked}


def wait_for(job, status):
    for _ in range(200):
        if job.status() == status:
            return
        time.sleep(0.1)
    raise AssertionError(f"{job.status()} is not {status}")


class Client(unittest.TestCase):
    def setUp(self):
        self.endpoint = runpod.Endpoint(ENDPOINT)

    def test_whole_by_run_sync(self):
        [answer] = self.endpoint.run_sync(chat("Hello"), timeout=30)
        self.assertEqual(answer["object"], "chat.completion")
        self.assertEqual(answer["usage"]["completion_tokens"], 6)

    def test_whole_by_run(self):
        job = self.endpoint.run(chat("Hello"))
        [answer] = job.output(timeout=30)
        self.assertEqual(answer["object"], "chat.completion")
        self.assertEqual(job.status(), "COMPLETED")

    def test_streamed(self):
        job = self.endpoint.run(chat("Hello", stream=True))
        slices = list(job.stream())
        self.assertTrue("".join(slices).endswith("data: [DONE]\n\n"))
        self.assertEqual(job.output(), slices)

    def test_failed(self):
        job = self.endpoint.run(chat("Hello", temperature=-1))
        wait_for(job, "FAILED")
        self.assertIsNone(job.output())
        told = job.rp_client.get(f"{ENDPOINT}/status/{job.job_id}")
        self.assertIn("'vLLM returned HTTP 400: {\"error\":", told["error"])

    def test_cancelled(self):
        """Seen by `status()`: `stream()` knows no CANCELLED and would never end."""
        job = self.endpoint.run(chat("[[sim:stall-after=2]] Hello", stream=True))
        wait_for(job, "IN_PROGRESS")
        self.assertEqual(job.cancel()["status"], "CANCELLED")
        self.assertEqual(job.status(), "CANCELLED")

    def test_timed_out_at_the_client(self):
        job = self.endpoint.run(chat("[[sim:stall-after=2]] Hello", stream=True))
        with self.assertRaises(TimeoutError):
            job.output(timeout=1)
        job.cancel()

    def test_timed_out_at_the_platform(self):
        asked = chat("[[sim:stall-after=2]] Hello", stream=True)
        job = self.endpoint.run({"input": asked, "policy": {"executionTimeout": 5000}})
        wait_for(job, "FAILED")
        told = job.rp_client.get(f"{ENDPOINT}/status/{job.job_id}")
        self.assertEqual(told["error"], "executionTimeout exceeded")

    def test_health(self):
        health = self.endpoint.health()
        self.assertEqual(
            sorted(health["jobs"]),
            ["completed", "failed", "inProgress", "inQueue", "retried"],
        )
        self.assertEqual(
            sorted(health["workers"]),
            ["idle", "initializing", "ready", "running", "throttled", "unhealthy"],
        )

    def test_a_wrong_key(self):
        with self.assertRaises(RuntimeError):
            runpod.Endpoint(ENDPOINT, api_key="wrong").health()


class Purge(unittest.TestCase):
    def test_purge_queue(self):
        endpoint = runpod.Endpoint(ENDPOINT)
        self.assertEqual(endpoint.purge_queue(), {"removed": 0, "status": "completed"})


if __name__ == "__main__":
    unittest.main()
