package io.github.vicmae.spark;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.apache.spark.SparkException;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine;

/** How a job's options are read, and its errors told: 0 if all is done, 1 if it failed, 2 if the options are wrong. */
final class Jobs {
    private Jobs() {}

    /** Runs a job in the JVM that spark-submit has started for it. */
    static void main(Callable<Integer> job, String[] args) {
        int status = run(job, args, new PrintWriter(System.err, true));
        SparkSession.getDefaultSession().foreach(spark -> {
            spark.stop();
            return null;
        });
        if (status != 0) {
            System.exit(status);
        }
    }

    /** The same within another program: Spark goes on. */
    static int run(Callable<Integer> job, String[] args, PrintWriter err) {
        return new CommandLine(job)
                .setErr(err)
                .setExecutionExceptionHandler((e, command, parsed) -> {
                    command.getErr().println("error: " + reason(e));
                    return e instanceof IllegalArgumentException ? 2 : 1;
                })
                .execute(args);
    }

    /** Why a task failed stands at the end of Spark's chain of causes. */
    private static String reason(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null && cause instanceof SparkException) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.toString() : cause.getMessage();
    }
}
