package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.data.video.Video;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.eval.FeatureStream.Places;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.model.PositionKind;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FeatureStreamTest {
    private static final TrunkConfig IMAGES = new TrunkConfig(32, 32, 3, 8, 32, 1, 2, 4);
    private static final TrunkConfig CLIPS =
            new TrunkConfig(32, 32, 3, 8, 32, 1, 2, 4, 4, 2, true, PositionKind.LEARNED);
    private static final ViewSettings VIEWS = ViewSettings.paper(32, 32, 3);

    @TempDir
    static Path dir;

    @BeforeAll
    static void shapes() throws IOException {
        SyntheticShapes.write(dir.resolve("shapes"), 1, new SyntheticShapes.Settings(32, 6, 9, 8, 2, 2, 1));
    }

    private static Dataset data() throws IOException {
        return Dataset.scan(List.of(dir.resolve("shapes/train")));
    }

    private static FeatureExtractor encoder(Device device, TrunkConfig trunk, int batch) {
        FeatureExtractor encoder = new FeatureExtractor(device, trunk, Pooling.MEAN, batch);
        encoder.initialise(5);
        return encoder;
    }

    /** Keeps what comes out. */
    private static final class Rows implements FeatureStream.Sink {
        final List<Sample> done = new ArrayList<>();
        final List<Places> places = new ArrayList<>();
        final List<String> failures = new ArrayList<>();
        final List<float[]> rows = new ArrayList<>();
        final List<Double> times = new ArrayList<>();

        @Override
        public void row(Sample sample, double seconds, float[] row) {
            assertEquals(done.size(), sample.index());
            rows.add(row);
            times.add(seconds);
        }

        @Override
        public void done(Sample sample, String failure, Places next) {
            assertEquals(done.size(), sample.index());
            done.add(sample);
            places.add(next);
            failures.add(failure);
        }
    }

    private static Rows run(
            FeatureExtractor encoder,
            TrunkConfig trunk,
            List<Sample> samples,
            FeatureStream.Settings settings,
            Places places)
            throws IOException {
        Rows rows = new Rows();
        new FeatureStream(trunk, VIEWS, new EncoderFeatures(encoder, FeatureTokens.POOLED), settings, places)
                .run(samples, rows);
        return rows;
    }

    @Test
    void rowsAreThoseOfAllSamplesAtOnceInTheirOrder() throws IOException {
        Dataset data = data();
        for (TrunkConfig trunk : new TrunkConfig[] {IMAGES, CLIPS}) {
            try (Device device = Device.open("cpu");
                    FeatureExtractor encoder = encoder(device, trunk, 7)) {
                if (trunk == CLIPS) {
                    encoder.planClips(FeatureStream.clipBatch(trunk, 7));
                }
                float[][] expected = SampleFeatures.of(
                                data,
                                trunk,
                                VIEWS,
                                List.of(new EncoderFeatures(encoder, FeatureTokens.POOLED)),
                                new SampleFeatures.Settings(6, 2, 7, 1),
                                done -> {})
                        .features(0);
                Rows one = run(encoder, trunk, data.samples(), new FeatureStream.Settings(6, 0, 1, 7), Places.FIRST);
                Rows four = run(encoder, trunk, data.samples(), new FeatureStream.Settings(6, 0, 4, 7), Places.FIRST);
                assertEquals(data.samples(), one.done);
                for (int i = 0; i < expected.length; i++) {
                    assertArrayEquals(expected[i], one.rows.get(i), 1e-6f);
                    assertArrayEquals(one.rows.get(i), four.rows.get(i));
                    assertTrue(Double.isNaN(one.times.get(i)));
                }
            }
        }
    }

    @Test
    void aStreamThatGoesOnGivesTheBitsOfOneThatWasNotInterrupted() throws IOException {
        List<Sample> samples = data().samples();
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, IMAGES, 5)) {
            for (double every : new double[] {0, 0.25}) {
                FeatureStream.Settings settings = new FeatureStream.Settings(3, every, 2, 5);
                Rows whole = run(encoder, IMAGES, samples, settings, Places.FIRST);
                for (int at : new int[] {1, 7, samples.size() - 1}) {
                    List<Sample> rest = new ArrayList<>();
                    for (Sample s : samples.subList(at, samples.size())) {
                        rest.add(new Sample(s.id(), s.content(), s.kind(), s.className(), s.label(), rest.size()));
                    }
                    Rows second = run(encoder, IMAGES, rest, settings, whole.places.get(at - 1));
                    int skipped = whole.rows.size() - second.rows.size();
                    for (int i = 0; i < second.rows.size(); i++) {
                        assertArrayEquals(whole.rows.get(skipped + i), second.rows.get(i));
                    }
                }
            }
        }
    }

    /** Frame by frame, by the definition; with memory for two views, as of a video that is longer than what may wait. */
    @Test
    void momentsHaveTheFramesThatAreShownThen() throws IOException {
        Path video = Pictures.countingVideo(dir.resolve("counting.mp4"), 48, 40, 10, 47);
        Sample sample = new Sample("counting.mp4", Content.of(video), Kind.VIDEO, null, -1, 0);
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, IMAGES, 2);
                Video frames = Video.open(sample.content())) {
            Rows found = run(encoder, IMAGES, List.of(sample), new FeatureStream.Settings(1, 0.5, 3, 2), Places.FIRST);
            assertEquals(10, found.rows.size()); // 4.7 seconds
            EvalView view = new EvalView(VIEWS);
            for (int i = 0; i < 10; i++) {
                assertEquals(0.5 * i, found.times.get(i), 1e-9);
                Image shown = frames.frameAt(0.5 * i, 32);
                FloatBuffer values = FloatBuffer.allocate(VIEWS.viewSize());
                view.write(shown, values, 0);
                FloatBuffer row = FloatBuffer.allocate(32);
                encoder.extract(values, row, 1);
                assertArrayEquals(row.array(), found.rows.get(i), 1e-5f);
            }
        }
    }

    @Test
    void filesThatCannotBeReadTakeNoPartAndAreTold() throws IOException {
        Path folder = Files.createDirectories(dir.resolve("broken"));
        for (int i = 0; i < 6; i++) {
            byte[] picture = Pictures.encode(Pictures.buffered(Pictures.random(40, 36, 3, i)), "png");
            Files.write(folder.resolve(i + ".png"), i % 3 == 1 ? new byte[] {1, 2, 3} : picture);
        }
        Dataset data = Dataset.scan(List.of(folder));
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, IMAGES, 3)) {
            Rows found = run(encoder, IMAGES, data.samples(), new FeatureStream.Settings(8, 0, 2, 3), Places.FIRST);
            assertEquals(6, found.done.size());
            assertEquals(4, found.rows.size());
            for (int i = 0; i < 6; i++) {
                if (i % 3 == 1) {
                    assertNotNull(found.failures.get(i));
                    assertTrue(found.failures.get(i).contains(i + ".png"), found.failures.get(i));
                }
            }
        }
    }
}
