package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.device.Device;
import io.github.vicmae.kernel.oracle.LarsOracle;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinearHeadsTest {
    private static final int WIDTH = 9;
    private static final int CLASSES = 4;

    @TempDir
    private Path folder;

    /** Normal clouds around a centre of each class, far apart or near. */
    private static float[][] clouds(int[] labels, double distance, long seed) {
        Random random = new Random(seed);
        Random centres = new Random(1);
        double[][] centre = new double[CLASSES][WIDTH];
        for (double[] one : centre) {
            for (int d = 0; d < WIDTH; d++) {
                one[d] = distance * centres.nextGaussian();
            }
        }
        float[][] features = new float[labels.length][WIDTH];
        for (int i = 0; i < labels.length; i++) {
            for (int d = 0; d < WIDTH; d++) {
                // The features' scales differ a thousandfold, which BatchNorm takes away.
                double scale = Math.pow(10, d % 4 - 2);
                features[i][d] = (float) (scale * (5 + centre[labels[i]][d] + random.nextGaussian()));
            }
        }
        return features;
    }

    private static int[] labels(int count) {
        int[] labels = new int[count];
        for (int i = 0; i < count; i++) {
            labels[i] = i % CLASSES;
        }
        return labels;
    }

    private static FloatBuffer joined(float[][] features) {
        FloatBuffer all = FloatBuffer.allocate(features.length * WIDTH);
        for (float[] row : features) {
            all.put(row);
        }
        return all.rewind();
    }

    /** Each head of three gets what it would get alone, with its own rate. */
    @Test
    void headsSideBySideAreTrainedAsIfAlone() {
        int[] labels = labels(16);
        FloatBuffer features = joined(clouds(labels, 1, 2));
        double[] rates = {0.1, 3, 40};
        try (Device device = Device.open("cpu");
                LinearHeads three = new LinearHeads(device, new LinearHeads.Sizes(WIDTH, CLASSES, 3, 16))) {
            three.start(5);
            double[] last = null;
            for (int step = 0; step < 4; step++) {
                last = three.step(features, labels, rates);
            }
            float[] weights = three.state().weights();
            int size = CLASSES * WIDTH;
            for (int h = 0; h < 3; h++) {
                try (LinearHeads alone = new LinearHeads(device, new LinearHeads.Sizes(WIDTH, CLASSES, 1, 16))) {
                    alone.start(5);
                    double loss = 0;
                    for (int step = 0; step < 4; step++) {
                        loss = alone.step(features, labels, new double[] {rates[h]})[0];
                    }
                    assertEquals(loss, last[h], 1e-6);
                    assertArrayEquals(alone.state().weights(), part(weights, h, size), 1e-6f);
                }
            }
            assertTrue(last[2] < last[0], "the larger rate has come farther");
        }
    }

    private static float[] part(float[] values, int index, int size) {
        float[] part = new float[size];
        System.arraycopy(values, index * size, part, 0, size);
        return part;
    }

    /** BatchNorm, map, cross-entropy and LARS as they are written down, in double precision; and the logits of testing. */
    @Test
    void stepsAndLogitsAreThoseOfTheDefinition() {
        int batch = 8;
        int[] labels = labels(batch);
        float[][] samples = clouds(labels, 1, 3);
        double[] mean = new double[WIDTH];
        double[] variance = new double[WIDTH];
        try (Device device = Device.open("cpu");
                LinearHeads heads = new LinearHeads(device, new LinearHeads.Sizes(WIDTH, CLASSES, 1, batch))) {
            heads.start(7);
            double[] weights = doubles(heads.state().weights());
            double[] biases = new double[CLASSES];
            double[] momenta = new double[weights.length];
            double[] biasMomenta = new double[CLASSES];
            double[][] x = new double[batch][WIDTH];
            for (int d = 0; d < WIDTH; d++) {
                for (float[] row : samples) {
                    mean[d] += row[d] / (double) batch;
                }
                for (float[] row : samples) {
                    variance[d] += (row[d] - mean[d]) * (row[d] - mean[d]) / batch;
                }
                for (int i = 0; i < batch; i++) {
                    x[i][d] = (samples[i][d] - mean[d]) / Math.sqrt(variance[d] + 1e-6);
                }
            }
            for (int step = 0; step < 3; step++) {
                double loss = 0;
                double[] dw = new double[weights.length];
                double[] db = new double[CLASSES];
                for (int i = 0; i < batch; i++) {
                    double[] e = new double[CLASSES];
                    double sum = 0;
                    for (int k = 0; k < CLASSES; k++) {
                        double logit = biases[k];
                        for (int d = 0; d < WIDTH; d++) {
                            logit += weights[k * WIDTH + d] * x[i][d];
                        }
                        e[k] = Math.exp(logit);
                        sum += e[k];
                    }
                    loss -= Math.log(e[labels[i]] / sum) / batch;
                    for (int k = 0; k < CLASSES; k++) {
                        double g = (e[k] / sum - (k == labels[i] ? 1 : 0)) / batch;
                        db[k] += g;
                        for (int d = 0; d < WIDTH; d++) {
                            dw[k * WIDTH + d] += g * x[i][d];
                        }
                    }
                }
                LarsOracle.weights(weights, dw, momenta, 0.5, 0.9f, 0.001f, 0);
                LarsOracle.biases(biases, db, biasMomenta, 0.5, 0.9f);
                assertEquals(loss, heads.step(joined(samples), labels, new double[] {0.5})[0], 1e-6);
            }
            LinearHeads.State state = heads.state();
            assertArrayEquals(floats(weights), state.weights(), 1e-6f);
            assertArrayEquals(floats(biases), state.biases(), 1e-6f);
            assertEquals(3, state.batches());
            float[] logits = heads.logits(samples)[0][5];
            for (int k = 0; k < CLASSES; k++) {
                double logit = state.biases()[k];
                for (int d = 0; d < WIDTH; d++) {
                    double normalised =
                            (samples[5][d] - state.running()[d]) / Math.sqrt(state.running()[WIDTH + d] + 1e-6);
                    logit += state.weights()[k * WIDTH + d] * normalised;
                }
                assertEquals(logit, logits[k], 1e-5);
            }
            // Three steps of momentum 0.1 on the same batch, with the unbiased variance.
            double share = 1 - 0.9 * 0.9 * 0.9;
            assertEquals(share * mean[0], state.running()[0], 1e-6 * Math.abs(mean[0]));
            double unbiased = variance[0] * batch / (batch - 1);
            assertEquals(1 - share + share * unbiased, state.running()[WIDTH], 1e-5);
        }
    }

    private static double[] doubles(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < copy.length; i++) {
            copy[i] = values[i];
        }
        return copy;
    }

    private static float[] floats(double[] values) {
        float[] copy = new float[values.length];
        for (int i = 0; i < copy.length; i++) {
            copy[i] = (float) values[i];
        }
        return copy;
    }

    private static double accuracy(LinearHeads head, float[][] features, int[] labels) {
        float[][] probabilities = Softmax.of(head.logits(features)[0]);
        int right = 0;
        for (int i = 0; i < labels.length; i++) {
            int best = 0;
            float sum = 0;
            for (int k = 0; k < CLASSES; k++) {
                best = probabilities[i][k] > probabilities[i][best] ? k : best;
                sum += probabilities[i][k];
            }
            assertEquals(1, sum, 1e-6);
            right += best == labels[i] ? 1 : 0;
        }
        return (double) right / labels.length;
    }

    private static CachedProbe probe(Device device, int[] labels, double distance, Double... rates) {
        return new CachedProbe(
                device,
                clouds(labels, distance, 4),
                labels,
                CLASSES,
                new CachedProbe.Settings(List.of(rates), 60, 6, 64, 3));
    }

    @Test
    void farCloudsAreAllToldApartAndTheRateIsChosenAmongHeldBackSamples() throws IOException {
        int[] labels = labels(202);
        int[] testLabels = labels(100);
        try (Device device = Device.open("cpu")) {
            List<ProbeTraining.Epoch> epochs = new ArrayList<>();
            CachedProbe.Result result =
                    probe(device, labels, 8, 1e-6, 1.0, 30.0).run(folder, Map.of("seed", "3"), false, epochs::add);
            try (LinearHeads head = result.head()) {
                assertEquals(1, accuracy(head, clouds(testLabels, 8, 5), testLabels));
                assertEquals(3, result.candidates().size());
                assertEquals(22, result.candidates().get(0).count()); // of 51, 51, 50 and 50
                assertTrue(result.rate() >= 1, "chosen " + result.rate());
                assertTrue(result.candidates().get(0).loss() > 0.9, "a rate of 1e-6 learns nothing");
                assertEquals(120, epochs.size());
                assertEquals(3, epochs.get(0).losses().length);
                assertEquals(1, epochs.get(119).losses().length);
            }
            // The whole again, over the same files: nothing is left to train, and the result is the same.
            epochs.clear();
            CachedProbe.Result again =
                    probe(device, labels, 8, 1e-6, 1.0, 30.0).run(folder, Map.of("seed", "3"), true, epochs::add);
            try (LinearHeads head = again.head()) {
                assertTrue(epochs.isEmpty());
                assertEquals(result.candidates(), again.candidates());
                assertEquals(1, accuracy(head, clouds(testLabels, 8, 5), testLabels));
            }
            String message = assertThrows(IOException.class, () -> probe(device, labels, 8, 1.0)
                            .run(folder, Map.of("seed", "4"), true, e -> {}))
                    .getMessage();
            assertTrue(message.contains("seed was 3 and is now 4"), message);
        }
    }

    /** The training is cut off after each of its epochs in turn. */
    @Test
    void aTrainingThatIsInterruptedEndsWithTheSameWeights() throws IOException {
        int[] labels = labels(70);
        float[][] features = clouds(labels, 1, 6);
        ProbeSchedule schedule = new ProbeSchedule(5, 1.5, 32);
        double[] rates = {0.3, 10};
        try (Device device = Device.open("cpu");
                LinearHeads heads = new LinearHeads(device, new LinearHeads.Sizes(WIDTH, CLASSES, 2, 32))) {
            ProbeTraining.BatchSource data = epoch -> new CachedFeatures(features, labels, 32, 9);
            new ProbeTraining(schedule, 9, folder.resolve("whole"), Map.of(), false, 0)
                    .run(heads, rates, data, epoch -> {});
            LinearHeads.State whole = heads.state();
            ProbeTraining parts = new ProbeTraining(schedule, 9, folder.resolve("parts"), Map.of(), true, 0);
            for (int i = 1; i < 5; i++) {
                int until = i;
                assertThrows(
                        IOException.class,
                        () -> parts.run(heads, rates, data, epoch -> {
                            assertEquals(until, epoch.number());
                            throw new IOException("cut off");
                        }));
            }
            parts.run(heads, rates, data, epoch -> assertEquals(5, epoch.number()));
            assertArrayEquals(whole.weights(), heads.state().weights());
            assertArrayEquals(whole.running(), heads.state().running());
            assertEquals(10, heads.state().batches());
            assertEquals(-1, Files.mismatch(folder.resolve("whole"), folder.resolve("parts")));
        }
    }

    @Test
    void whatCannotBeTrainedIsRefused() {
        int[] four = labels(4);
        try (Device device = Device.open("cpu")) {
            String message = assertThrows(IOException.class, () -> probe(device, four, 1, 0.1, 1.0)
                            .run(folder, Map.of(), false, e -> {}))
                    .getMessage();
            assertTrue(message.contains("no class has two training samples"), message);
        }
        assertThrows(IllegalArgumentException.class, () -> new LinearHeads.Sizes(3, 1, 1, 8));
        assertThrows(IllegalArgumentException.class, () -> new ProbeSchedule(10, 10, 8));
        assertThrows(IllegalArgumentException.class, () -> new CachedProbe.Settings(List.of(0.1, -1.0), 9, 1, 8, 0));
        assertThrows(IllegalArgumentException.class, () -> new CachedFeatures(new float[3][2], new int[3], 4, 0));
    }

    /** The rate rises in a line, then falls along half a cosine to nearly nothing, and grows with the batch. */
    @Test
    void ratesFollowTheSchedule() {
        ProbeSchedule schedule = new ProbeSchedule(90, 10, 512);
        double[] base = {0.1, 1};
        assertEquals(0, schedule.rates(base, 0)[0]);
        assertEquals(0.1, schedule.rates(base, 5)[0], 1e-12);
        assertEquals(2, schedule.rates(base, 10)[1], 1e-12);
        assertEquals(1, schedule.rates(base, 50)[1], 1e-12);
        assertEquals(0, schedule.rates(base, 90)[1], 1e-12);
        assertEquals(0.5 * (1 + Math.cos(Math.PI * 20 / 80)), schedule.rates(base, 30)[1] / 2, 1e-12);
    }
}
