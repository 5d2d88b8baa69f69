package io.github.vicmae.spark;

import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.Encoder;
import io.github.vicmae.eval.FeatureStream;
import io.github.vicmae.eval.FeatureTokens;
import io.github.vicmae.eval.ViewFeatures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.resource.ResourceInformation;

/**
 * The encoder of an executor, which its tasks share: one for each model, settings and device. It stays open when a task ends, for the next one, until
 * another model is asked for and nobody uses it.
 */
final class ExecutorModel implements AutoCloseable {
    private static final String GPU = "gpu";
    private static final String THREADS = "vicmae.threads";
    private static final Map<Key, ExecutorModel> OPEN = new HashMap<>();

    private record Key(EmbedSettings settings, String device) {}

    private final EmbedSettings settings;
    private final Device device;
    private final Encoder encoder;
    private int users;

    private ExecutorModel(EmbedSettings settings, Device device, Encoder encoder) {
        this.settings = settings;
        this.device = device;
        this.encoder = encoder;
        if (encoder.config().trunk().frames() > 1 && settings.every() == 0) {
            encoder.planClips(FeatureStream.clipBatch(encoder.config().trunk(), settings.batch()));
        }
    }

    /**
     * The model for a task, which closes it at its end.
     *
     * @param bytes the model's file, or null if it lies under its path
     */
    static ExecutorModel take(EmbedSettings settings, Broadcast<ModelBytes> bytes) throws IOException {
        Key key = new Key(settings, deviceName(settings));
        synchronized (OPEN) {
            ExecutorModel model = OPEN.get(key);
            if (model == null) {
                closeIdle(settings);
                model = open(key, bytes);
                OPEN.put(key, model);
            }
            model.users++;
            return model;
        }
    }

    /** The same model on another card may be wanted again at any time. */
    private static void closeIdle(EmbedSettings wanted) {
        for (Iterator<Map.Entry<Key, ExecutorModel>> all = OPEN.entrySet().iterator(); all.hasNext(); ) {
            Map.Entry<Key, ExecutorModel> entry = all.next();
            if (entry.getValue().users == 0 && !entry.getKey().settings().equals(wanted)) {
                all.remove();
                entry.getValue().encoder.close();
                entry.getValue().device.close();
            }
        }
    }

    private static ExecutorModel open(Key key, Broadcast<ModelBytes> bytes) throws IOException {
        if (bytes != null) {
            Path brought = bytes.value().write();
            try {
                return open(key, brought);
            } finally {
                Files.delete(brought);
                Files.delete(brought.getParent());
            }
        }
        Path file = Path.of(key.settings().model());
        if (!Files.exists(file)) {
            throw new IOException(
                    "The model " + file + " is not on this executor: put it where every executor can read it,"
                            + " or let Spark bring it along (VicmaeEmbedder.distributed(), EmbedJob --distribute)");
        }
        return open(key, file);
    }

    private static ExecutorModel open(Key key, Path file) throws IOException {
        EmbedSettings settings = key.settings();
        ModelBytes.requireSame(file, settings);
        limitThreads();
        Device device = Device.open(key.device());
        try {
            return new ExecutorModel(settings, device, Encoder.load(file, settings.heads(), device, settings.batch()));
        } catch (IOException | RuntimeException | Error e) {
            Closing.after(e, device);
            throw e;
        }
    }

    /** Executors of one machine share its cores; a number that was asked for stands. */
    private static void limitThreads() {
        String cores = SparkEnv.get().conf().get("spark.executor.cores", null);
        if (cores != null && System.getProperty(THREADS) == null) {
            System.setProperty(THREADS, cores);
        }
    }

    private static String deviceName(EmbedSettings settings) {
        ResourceInformation gpu = TaskContext.get().resourcesJMap().get(GPU);
        return deviceName(settings.device(), gpu == null ? new String[0] : gpu.addresses());
    }

    /**
     * @param asked the device that was asked for
     * @param addresses the cards that Spark has assigned to the task
     */
    static String deviceName(String asked, String[] addresses) {
        return asked.equals("auto") && addresses.length > 0 ? "cuda:" + addresses[0] : asked;
    }

    Encoder encoder() {
        return encoder;
    }

    /** For one thread; computations of several take turns. */
    ViewFeatures features() {
        return encoder.features(settings.classToken() ? FeatureTokens.CLS : FeatureTokens.POOLED);
    }

    @Override
    public void close() {
        synchronized (OPEN) {
            users--;
        }
    }
}
