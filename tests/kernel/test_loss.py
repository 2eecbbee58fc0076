# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Nothing is lost in silence: what could not be kept is counted, and the counts stay exact."""

from lib import Case, Tracer, losses, main, maps_count, op_sums, results_parse, start_workload, workload


class Loss(Case):
    def check_losses(self, lines):
        """There are some, they add up to the end line's, and the law holds all the same."""
        self.check_lines(lines)
        self.assertTrue(losses(lines), "no loss line")
        counts = [line["count"] for line in lines if line["type"] == "loss"]
        self.assertGreater(min(counts), 0)
        end = lines[-1]
        self.assertEqual((end["type"], end["lost"]), ("end", sum(counts)))

    def test_small_ring_command(self):
        with Tracer("--ring-size", "4096", "--", workload("storm"), "--seconds", "1") as tracer:
            self.assertEqual(tracer.wait(), 0)
            tracer.out.ended()
            pid, count, _ = results_parse(tracer.out.text())[0]
            pairs = int(tracer.out.text().split()[5])
            lines = tracer.lines()
        self.check_losses(lines)
        exits = [line for line in lines if line["type"] == "exit" and line["pid"] == pid]
        self.assertEqual([line["map_count"] for line in exits], [count])
        # What the lines lack the loss lines have: each call is in one or the other.
        self.assertGreaterEqual(exits[0]["mmap_calls"], pairs)
        ops = sum(line["type"] == "op" for line in lines)
        lost = sum(line["count"] for line in lines if line["type"] == "loss")
        calls = exits[0]["mmap_calls"] + exits[0]["munmap_calls"]
        self.assertGreaterEqual(ops + lost, calls)

    def test_small_ring_attached(self):
        with start_workload("storm", "--seconds", "1", "--wait", "--hold", ready=True) as storm:
            with Tracer("-p", storm.pid, "--ring-size", "4K") as tracer:
                tracer.ready()
                storm.send()
                pid, count, _ = results_parse(storm.line())[0]
                self.assertEqual(tracer.stop(), 0)
                lines = tracer.lines()
        self.check_losses(lines)
        last = [line for line in lines if line["type"] == "process" and line["pid"] == pid][-1]
        self.assertEqual(last["map_count"], count)

    def test_alarms_survive_the_storm(self):
        """A leak beside a storm is still called, though op lines are lost."""
        script = '"$1" --seconds 1 & "$2"; wait'
        with Tracer(
            "--ring-size", "4096", "--", "sh", "-c", script, "sh", workload("storm"), workload("fastleak")
        ) as tracer:
            self.assertEqual(tracer.wait(), 0)
            lines = tracer.lines()
        kinds = {line["kind"] for line in lines if line["type"] == "finding" and line["comm"] == "fastleak"}
        self.assertIn("enomem", kinds)
        self.assertTrue(kinds & {"exhaustion", "leak"}, kinds)

    def test_no_room_for_threads(self):
        """What nine threads do, in one place: named and summed up all the same, without arguments."""
        with Tracer("--max-procs", "1", "--", workload("lifecycle"), "thread_churn") as tracer:
            self.assertEqual(tracer.wait(), 0)
            tracer.out.ended()
            pid, count, _ = results_parse(tracer.out.text())[0]
            lines = tracer.lines()
        self.check_losses(lines)
        self.assertTrue(any(line["what"].startswith("operations without arguments") for line in losses(lines)))
        end = next(line for line in lines if line["type"] == "exit" and line["pid"] == pid)
        by_ops = end["baseline"] + op_sums(lines)[pid, end["start_time"]]
        self.assertEqual((end["map_count"], by_ops), (count, count))

    def test_few_processes_command(self):
        """A tree of 31 processes in room for 8."""
        with Tracer("--max-procs", "8", "--", workload("lifecycle"), "fork_tree") as tracer:
            self.assertEqual(tracer.wait(), 0)
            tracer.out.ended()
            counts = {pid: count for pid, count, _ in results_parse(tracer.out.text())}
            lines = tracer.lines()
        self.check_losses(lines)
        exits = {line["pid"]: line["map_count"] for line in lines if line["type"] == "exit" and line["pid"] in counts}
        self.assertTrue(exits, "no exit line of any of them")
        self.assertEqual(exits, {pid: counts[pid] for pid in exits})

    def test_few_processes_system_wide(self):
        with start_workload("holder", "--maps", "500", ready=True) as holder:
            with Tracer("--max-procs", "2", "-i", "1") as tracer:
                tracer.wait_type("process")
                self.assertEqual(tracer.stop(), 0)
                lines = tracer.lines()
            self.check_losses(lines)
            # Whether there is room for it is not said, only that what is said is right.
            rows = [line for line in lines if line["type"] == "process"]
            self.assertTrue(rows, "no process at all")
            for line in rows:
                if line["pid"] == holder.pid:
                    self.assertEqual(line["map_count"], maps_count(holder.pid))

    def test_no_loss_without_need(self):
        with Tracer("--", workload("lifecycle"), "fork_tree") as tracer:
            self.assertEqual(tracer.wait(), 0)
            lines = tracer.lines()
        self.assertEqual(losses(lines), [])
        self.assertEqual(lines[-1]["lost"], sum(line["count"] for line in lines if line["type"] == "loss"))


if __name__ == "__main__":
    main()
