"""A Dask cluster of two processes and a Spark session. Tests take them from the fixtures `dask` and `spark`."""

import os
import shutil
from contextlib import contextmanager

import pytest

import te_audit_frames as taf


@contextmanager
def dask_cluster():
    """Run two worker processes; a test that needs them is skipped where Dask is not installed."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: the extra dask brings it")
    pytest.importorskip("dask.dataframe", reason="Dask is not installed: the extra dask brings it")
    # Without an address, the dashboard binds the fixed port 8787, which two clusters cannot share.
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster, distributed.Client(cluster) as client:
        assert len(client.scheduler_info()["workers"]) == 2
        yield client


def spark_session():
    """Start Spark, in a time zone that is not UTC."""
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed: the extra spark brings it")
    if shutil.which("java") is None:
        pytest.skip("PySpark needs Java, and there is none on this machine")
    # One pass of the compiler and one thread for garbage: a session this short gains nothing from more.
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "Asia/Tokyo",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.log.level": "ERROR",
    }
    builder = sql.SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def on_cluster(engine, cluster, events, folder):
    """Return an audit frame as the "dask" or "spark" frame of a running cluster, in several partitions."""
    if engine == "dask":
        import dask.dataframe as dd

        return dd.from_pandas(events, npartitions=3)
    taf.write_parquet(events, folder / "events.parquet")
    return cluster.read.parquet(str(folder / "events.parquet"))
