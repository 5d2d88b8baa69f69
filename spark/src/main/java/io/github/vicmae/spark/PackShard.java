package io.github.vicmae.spark;

import io.github.vicmae.data.pack.PackSettings;
import io.github.vicmae.data.pack.PackedShard;
import io.github.vicmae.data.pack.Packer;
import io.github.vicmae.data.source.Dataset;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.api.java.function.Function;

/** The task that packs a shard. An executor looks through the data once. */
final class PackShard implements Function<Integer, PackedShard> {
    private static final long serialVersionUID = 1;
    private static Key current;
    private static Dataset found;

    private record Key(List<String> input, String fingerprint) implements Serializable {}

    private final Key key;
    private final String folder;
    private final PackSettings settings;

    /** @param fingerprint of the data, which an executor has to find as well */
    PackShard(List<String> input, String fingerprint, String folder, PackSettings settings) {
        key = new Key(input, fingerprint);
        this.folder = folder;
        this.settings = settings;
    }

    @Override
    public PackedShard call(Integer shard) throws IOException {
        return new Packer(data(key), Path.of(folder), settings).pack(shard);
    }

    private static synchronized Dataset data(Key key) throws IOException {
        if (!key.equals(current)) {
            Dataset data = Dataset.scan(key.input().stream().map(Path::of).toList());
            if (!data.fingerprint().equals(key.fingerprint())) {
                throw new IOException("This executor finds other data in " + String.join(", ", key.input())
                        + " than the driver: they have to be on a file system that all share, and stay as they are");
            }
            found = data;
            current = key;
        }
        return found;
    }
}
