package io.github.vicmae.spark;

import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.embed.EmbeddingRun;
import io.github.vicmae.eval.FeatureStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Embeds the files of a partition, in their order, some at a time, so that memory does not grow with the partition.
 *
 * @param bytes the model's file, or null if it lies under its path
 * @param columns of the rows that come and go
 */
record EmbedPartition(EmbedSettings settings, Broadcast<ModelBytes> bytes, Columns columns)
        implements MapPartitionsFunction<Row, Row> {
    /** Batches of files that are read at once; a video that becomes many rows counts as a batch of its own. */
    private static final int BATCHES = 16;
    /** Bytes of files' content that are held at once. */
    private static final long MOST_BYTES = 256L << 20;

    private static final Pattern EXTENSION = Pattern.compile("\\.[A-Za-z0-9]+$");

    @Override
    public Iterator<Row> call(Iterator<Row> rows) throws IOException {
        if (!rows.hasNext()) {
            return rows;
        }
        ExecutorModel model = ExecutorModel.take(settings, bytes);
        TaskCompletionListener done = context -> model.close();
        TaskContext.get().addTaskCompletionListener(done);
        FeatureStream stream = new FeatureStream(
                model.encoder().config().trunk(),
                model.encoder().views(),
                model.features(),
                new FeatureStream.Settings(
                        settings.frames(),
                        settings.every(),
                        Math.max(1, TaskContext.get().cpus()),
                        settings.batch()),
                FeatureStream.Places.FIRST);
        Deque<Row> ready = new ArrayDeque<>();
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                while (ready.isEmpty() && rows.hasNext()) {
                    try {
                        embed(rows, stream, ready);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
                return !ready.isEmpty();
            }

            @Override
            public Row next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return ready.poll();
            }
        };
    }

    /** Embeds the next files. */
    private void embed(Iterator<Row> rows, FeatureStream stream, Deque<Row> ready) throws IOException {
        List<Row> inputs = new ArrayList<>();
        List<Sample> samples = new ArrayList<>();
        long bytes = 0;
        long views = 0;
        while (rows.hasNext() && bytes < MOST_BYTES && views < (long) BATCHES * settings.batch()) {
            Row row = rows.next();
            String location = columns.path(row);
            Kind kind = location == null ? null : kind(location);
            if (kind == null) {
                // its row comes before those of the files that are read with it
                ready.add(columns.problem(row, noKind(location)));
                continue;
            }
            byte[] content = columns.content(row);
            bytes += content == null ? 0 : content.length;
            views += kind == Kind.VIDEO && settings.every() > 0 ? settings.batch() : 1;
            Content source = content == null ? MemoryContent.at(location) : MemoryContent.of(location, content);
            samples.add(new Sample(location, source, kind, null, -1, inputs.size()));
            inputs.add(row);
        }
        stream.run(samples, new FeatureStream.Sink() {
            private final List<Row> open = new ArrayList<>();

            @Override
            public void row(Sample sample, double seconds, float[] vector) {
                if (settings.isNormalized()) {
                    EmbeddingRun.normalize(vector, vector.length);
                }
                open.add(columns.vector(inputs.get(sample.index()), seconds, vector));
            }

            @Override
            public void done(Sample sample, String failure, FeatureStream.Places places) {
                if (failure == null) {
                    ready.addAll(open);
                } else {
                    ready.add(columns.problem(inputs.get(sample.index()), failure));
                }
                open.clear();
            }
        });
    }

    /** What a file is by its extension, or null. Other characters of a name need not be ones that this machine's file system can have. */
    static Kind kind(String location) {
        String name = location.substring(location.lastIndexOf('/') + 1);
        Matcher extension = EXTENSION.matcher(name);
        return name.startsWith(".") || !extension.find() ? null : Kind.of(Path.of("name" + extension.group()));
    }

    private static String noKind(String location) {
        return location == null
                ? "a row without a path"
                : location + ": neither an image nor a video by its extension; images are "
                        + String.join(" ", Kind.IMAGE.extensions()) + ", videos "
                        + String.join(" ", Kind.VIDEO.extensions());
    }
}
