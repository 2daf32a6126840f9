"""A Spark cluster on this machine, with two executors in processes of their own, for `rollup.py`."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import time


# How Spark says that a task has to run again because an executor is gone.
LOST = ("ExecutorLostFailure", "Resubmitted", "FetchFailed")


class Cluster:
    """Starts it, runs queries on it, kills an executor, and tells from Spark's own event log what happened."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.killed = None
        self.span = None

    def __enter__(self):
        for name in ("local", "events"):
            (self.scratch / name).mkdir(parents=True)
        # Another Spark on this machine is none of ours.
        os.environ.pop("SPARK_HOME", None)
        os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(self.scratch / "local")}
        from pyspark.sql import SparkSession

        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "6",
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": (self.scratch / "events").as_uri(),
            "spark.eventLog.compress": "false",
            "spark.eventLog.rolling.enabled": "false",
        }
        builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("rollup")
        for key, value in settings.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.context = self.session.sparkContext
        self.context.setLogLevel("OFF")
        self.version = self.session.version
        end = time.monotonic() + 120
        while len(self.executors()) < 2 and time.monotonic() < end:
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        number = self.context.applicationId
        self.events = self.scratch / "events" / number
        self.session.stop()
        # Where executors of such a cluster write their logs, whatever they are told.
        from pyspark.find_spark_home import _find_spark_home

        work = pathlib.Path(_find_spark_home()) / "work"
        shutil.rmtree(work / number, ignore_errors=True)
        with contextlib.suppress(OSError):
            work.rmdir()

    def log(self, folder):
        self.session.read.parquet(str(folder)).createOrReplaceTempView("log")

    def refuses(self, query, zone):
        self.session.conf.set("spark.sql.session.timeZone", zone)
        try:
            self.session.sql(query).limit(1).collect()
        except Exception as error:
            return "SET TIME ZONE 'UTC'" in str(error)
        finally:
            self.session.conf.set("spark.sql.session.timeZone", "UTC")
        return False

    def executors(self):
        """The executors of this cluster by number: their processes, found below the driver's."""
        driver = self.driver()
        found = {}
        for process in pathlib.Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                # The name of the program may have blanks; what follows the bracket has none.
                parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == driver and any(it.endswith(".CoarseGrainedExecutorBackend") for it in words):
                found[words[words.index("--executor-id") + 1]] = int(process.name)
        return found

    def driver(self):
        return int(self.context._jvm.java.lang.ProcessHandle.current().pid())

    def write(self, query, to, instants, kill):
        """Writes the result as Parquet; returns the number of the executor that was killed meanwhile."""
        self.session.conf.set("spark.sql.parquet.outputTimestampType", instants)
        began = time.time()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            job = pool.submit(self.session.sql, f"INSERT OVERWRITE DIRECTORY '{to}' USING parquet\n{query}")
            if kill:
                self.killed = self.kill(job)
            job.result()
        if kill:
            self.span = (began, time.time())
        return self.killed

    def kill(self, job):
        """Kills an executor once tasks run whose input other tasks have made: it is lost with them."""
        tracker = self.context.statusTracker()
        stages_seen = set()
        while not job.done():
            active = set(tracker.getActiveStageIds())
            stages_seen |= active
            running = [tracker.getStageInfo(it) for it in active if len(stages_seen) > 2]
            if any(it and it.numActiveTasks > 1 for it in running):
                executors = self.executors()
                number = min(executors)
                os.kill(executors[number], signal.SIGKILL)
                return number
            time.sleep(0.02)
        return None

    def proof(self):
        """What Spark wrote down: the loss of the executor and of its tasks, inside the job."""
        began, ended = (it * 1000 for it in self.span)
        events = [json.loads(line) for line in self.events.read_text().splitlines()]
        removed = [
            it
            for it in events
            if it["Event"] == "SparkListenerExecutorRemoved" and it["Executor ID"] == self.killed and began < it["Timestamp"] < ended
        ]
        lost = [
            it
            for it in events
            if it["Event"] == "SparkListenerTaskEnd" and it["Task End Reason"]["Reason"] in LOST
        ]
        reason = removed[0]["Removed Reason"].strip() if removed else "nothing"
        what = f"Spark's event log: executor {self.killed} was lost during the job ({reason}), {len(lost)} tasks with it"
        return bool(removed and lost), what
