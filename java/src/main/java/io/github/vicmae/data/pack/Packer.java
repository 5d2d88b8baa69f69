package io.github.vicmae.data.pack;

import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Writes a data set as tar shards that are fast to read: pictures as JPEG, videos as a JPEG for each frame or as short clips, all of one size. Which
 * samples a shard has follows from their order alone, and a shard is there as a whole or not at all, so that packing goes on where it stopped.
 */
public final class Packer {
    private final Dataset data;
    private final Path folder;
    private final PackSettings settings;
    private final Manifest former;
    private final String fingerprint;
    private final TreeMap<String, PackedShard> done = new TreeMap<>();

    /**
     * @param folder receives the shards and their manifest; it is made if it is not there
     * @throws IOException if the folder holds other packed data, or cannot be made
     */
    public Packer(Dataset data, Path folder, PackSettings settings) throws IOException {
        this.data = data;
        this.folder = folder;
        this.settings = settings;
        Files.createDirectories(folder);
        fingerprint = data.fingerprint();
        former = Manifest.read(folder);
        if (former != null
                && !(former.settings().equals(settings) && former.fingerprint().equals(fingerprint))) {
            throw new IOException(folder + " holds "
                    + (former.fingerprint().equals(fingerprint)
                            ? "data that were packed with other settings: " + former.settings()
                            : "other data")
                    + "; pack into another folder, or remove it");
        }
        if (former != null) {
            for (PackedShard shard : former.shards()) {
                Path file = folder.resolve(shard.file());
                if (Files.exists(file) && Files.size(file) == shard.bytes()) {
                    done.put(shard.file(), shard);
                }
            }
        }
    }

    /** Samples of shards that were there before, which were left out then, with the reasons. */
    public List<String> leftBefore() {
        return former == null
                ? List.of()
                : former.shards().stream().flatMap(s -> s.left().stream()).toList();
    }

    /** Shards of the whole data set. */
    public int shards() {
        return (data.size() + settings.samplesPerShard() - 1) / settings.samplesPerShard();
    }

    /**
     * Packs what is not packed yet.
     *
     * @param progress is given the number of shards that are done and the samples of the last one that were left out, with the reasons
     * @throws IOException if a shard cannot be written, or the calling thread is interrupted; what was written stays
     */
    public void run(int threads, BiConsumer<Integer, List<String>> progress) throws IOException {
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        try {
            CompletionService<PackedShard> written = new ExecutorCompletionService<>(workers);
            List<Integer> missing = missing();
            for (int shard : missing) {
                written.submit(() -> pack(shard));
            }
            write();
            for (int open = missing.size(); open > 0; open--) {
                PackedShard shard = written.take().get();
                add(shard);
                progress.accept(done.size(), shard.left());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Packing was interrupted; the same command goes on where it stopped", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException io) {
                throw io;
            }
            throw new IllegalStateException(e.getCause());
        } finally {
            workers.shutdownNow();
        }
    }

    /** The numbers of the shards that are not packed yet, from 0. */
    public List<Integer> missing() {
        return IntStream.range(0, shards())
                .filter(shard -> !done.containsKey(name(shard)))
                .boxed()
                .toList();
    }

    /**
     * Packs one shard, which is not in the manifest before it is {@linkplain #add added}; what was there under its name is replaced. May be called from
     * several threads, and by the packers of several machines that share the folder and the data.
     *
     * @throws IOException if the shard cannot be written
     */
    public PackedShard pack(int shard) throws IOException {
        return new ShardWriter(folder.resolve(name(shard)), settings).write(samples(shard));
    }

    /** Adds a shard that was packed to the manifest. For one thread, and one machine. */
    public void add(PackedShard shard) throws IOException {
        done.put(shard.file(), shard);
        write();
    }

    private List<Sample> samples(int shard) {
        int from = shard * settings.samplesPerShard();
        return data.samples().subList(from, Math.min(data.size(), from + settings.samplesPerShard()));
    }

    private static String name(int shard) {
        return String.format(Locale.ROOT, "shard-%06d.tar", shard);
    }

    /**
     * Compares every shard of a folder with its checksum.
     *
     * @param progress is given the name of each shard that is right
     * @return a sentence for each that is not
     * @throws IOException if the folder has no manifest, or a file cannot be read
     */
    public static List<String> check(Path folder, Consumer<String> progress) throws IOException {
        Manifest manifest = Manifest.read(folder);
        if (manifest == null) {
            throw new IOException(folder + " has no " + Manifest.NAME + ": it holds no packed data");
        }
        List<String> wrong = new ArrayList<>();
        for (PackedShard shard : manifest.shards()) {
            Path file = folder.resolve(shard.file());
            if (!Files.exists(file)) {
                wrong.add(shard.file() + " is missing");
            } else if (!ShardWriter.sha256(file).equals(shard.sha256())) {
                wrong.add(shard.file() + " is not what was written: its checksum is another one");
            } else {
                progress.accept(shard.file());
            }
        }
        return wrong;
    }

    private void write() throws IOException {
        new Manifest(settings, fingerprint, data.classNames(), new ArrayList<>(done.values())).write(folder);
    }
}
