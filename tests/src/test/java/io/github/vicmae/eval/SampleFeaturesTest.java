package io.github.vicmae.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.Frames;
import io.github.vicmae.data.Pictures;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.source.Dataset;
import io.github.vicmae.data.source.Sample;
import io.github.vicmae.data.synthetic.SyntheticShapes;
import io.github.vicmae.data.view.EvalView;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.device.Device;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.model.FeatureExtractor;
import io.github.vicmae.model.PositionKind;
import io.github.vicmae.model.TrunkConfig;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleFeaturesTest {
    private static final TrunkConfig IMAGES = new TrunkConfig(32, 32, 3, 8, 32, 1, 2, 4);
    private static final ViewSettings VIEWS = ViewSettings.paper(32, 32, 3);

    @TempDir
    static Path dir;

    @BeforeAll
    static void shapes() throws IOException {
        SyntheticShapes.write(dir.resolve("shapes"), 1, new SyntheticShapes.Settings(32, 6, 9, 8, 2, 2, 1));
    }

    /** Clips and pictures of eight classes. */
    private static Dataset data() throws IOException {
        return Dataset.scan(List.of(dir.resolve("shapes/train")));
    }

    private static FeatureExtractor encoder(Device device, TrunkConfig trunk, int batch) {
        FeatureExtractor encoder = new FeatureExtractor(device, trunk, Pooling.MEAN, batch);
        encoder.initialise(5);
        return encoder;
    }

    private static SampleFeatures features(
            Dataset data, TrunkConfig trunk, List<ViewFeatures> kinds, int frames, int workers, int batch)
            throws IOException {
        return SampleFeatures.of(
                data, trunk, VIEWS, kinds, new SampleFeatures.Settings(frames, workers, batch, 1), done -> {});
    }

    @Test
    void theyAreThoseOfAllViewsInMemoryBitForBitWithAnyNumberOfWorkers() throws IOException {
        Dataset data = data();
        assertTrue(data.images() > 0 && data.videos() > 0);
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, IMAGES, 7)) {
            for (int frames : new int[] {3, 8}) {
                ClipFeatures clips = new ClipFeatures(data, VIEWS, frames);
                float[][] encoded = clips.encoded(encoder);
                for (int workers : new int[] {1, 4}) {
                    List<ViewFeatures> kinds =
                            List.of(new EncoderFeatures(encoder, FeatureTokens.POOLED), ViewFeatures.pixels(IMAGES));
                    SampleFeatures found = features(data, IMAGES, kinds, frames, workers, 7);
                    assertEquals(data.samples(), found.samples());
                    assertArrayEquals(encoded, found.features(0));
                    assertArrayEquals(clips.pixels(), found.features(1));
                    assertEquals((long) frames * data.videos() + data.images(), found.views());
                }
            }
        }
    }

    /** The definition: every view on its own, an image as often as a video has frames. */
    @Test
    void anImageCountsAsOneViewAndAVideoAsTheMeanOfItsFrames() throws IOException {
        Dataset data = data();
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, IMAGES, 16)) {
            float[][] found = features(
                            data, IMAGES, List.of(new EncoderFeatures(encoder, FeatureTokens.POOLED)), 4, 2, 16)
                    .features(0);
            EvalView view = new EvalView(VIEWS);
            FloatBuffer views = FloatBuffer.allocate(4 * VIEWS.viewSize());
            FloatBuffer features = FloatBuffer.allocate(4 * 32);
            for (Sample sample : data.samples()) {
                List<Image> frames = Frames.spaced(sample.content(), sample.kind(), 4, 32);
                for (int f = 0; f < 4; f++) {
                    view.write(frames.get(f), views, f * VIEWS.viewSize());
                }
                encoder.extract(views, features, 4);
                for (int d = 0; d < 32; d++) {
                    double mean = 0;
                    for (int f = 0; f < 4; f++) {
                        mean += features.get(f * 32 + d) / 4.0;
                    }
                    assertEquals(mean, found[sample.index()][d], 1e-5);
                }
            }
        }
    }

    @Test
    void bothTokensStandOneBehindTheOther() throws IOException {
        Dataset data = data();
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, IMAGES, 6)) {
            List<ViewFeatures> kinds = new ArrayList<>();
            for (FeatureTokens tokens : FeatureTokens.values()) {
                kinds.add(new EncoderFeatures(encoder, tokens));
            }
            SampleFeatures found = features(data, IMAGES, kinds, 2, 2, 6);
            for (int i = 0; i < data.size(); i++) {
                float[] both = found.features(2)[i];
                assertArrayEquals(found.features(0)[i], Arrays.copyOf(both, 32));
                assertArrayEquals(found.features(1)[i], Arrays.copyOfRange(both, 32, 64));
            }
            assertTrue(!Arrays.equals(found.features(0)[0], found.features(1)[0]));
        }
    }

    /** A clip encoder sees of an image what it sees of a clip that shows it in every frame; of a video all frames in their order. */
    @Test
    void encodersOfClipsTakeClipsOfVideosAndRepeatImages() throws IOException {
        TrunkConfig stMae = new TrunkConfig(32, 32, 3, 8, 32, 1, 2, 4, 4, 2, true, PositionKind.LEARNED);
        Dataset data = data();
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, stMae, 3)) {
            encoder.planClips(3);
            List<ViewFeatures> kinds =
                    List.of(new EncoderFeatures(encoder, FeatureTokens.BOTH), ViewFeatures.pixels(stMae));
            SampleFeatures found = features(data, stMae, kinds, 7, 2, 12);
            assertEquals(data.samples(), found.samples());
            // Two clips of four frames hold the seven.
            assertEquals(2L * data.videos() + data.images(), found.views());
            EvalView view = new EvalView(VIEWS);
            FloatBuffer clip = FloatBuffer.allocate(4 * VIEWS.viewSize());
            FloatBuffer pooled = FloatBuffer.allocate(32);
            FloatBuffer classToken = FloatBuffer.allocate(32);
            for (Sample sample : data.samples()) {
                List<Image> frames = Frames.spaced(sample.content(), sample.kind(), 8, 32);
                float[] mean = new float[64];
                for (int c = 0; c < 2; c++) {
                    view.write(frames.subList(4 * c, 4 * c + 4), clip, 0);
                    encoder.extractClips(clip, pooled, classToken, 1);
                    for (int d = 0; d < 32; d++) {
                        mean[d] += pooled.get(d) / 2;
                        mean[32 + d] += classToken.get(d) / 2;
                    }
                }
                assertArrayEquals(mean, found.features(0)[sample.index()], 1e-5f);
            }
            float[][] frames = new ClipFeatures(data, VIEWS, 8).pixels();
            for (int i = 0; i < frames.length; i++) {
                assertArrayEquals(frames[i], found.features(1)[i], 1e-5f);
            }
        }
    }

    @Test
    void anEncoderWithoutAClassTokenSaysSo() {
        TrunkConfig omniMae = new TrunkConfig(32, 32, 3, 8, 32, 1, 2, 4, 4, 2, false, PositionKind.SINUSOID);
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, omniMae, 2)) {
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> new EncoderFeatures(encoder, FeatureTokens.CLS));
            assertTrue(e.getMessage().contains("--features pooled"), e.getMessage());
            FloatBuffer one = FloatBuffer.allocate(IMAGES.imageSize());
            FloatBuffer row = FloatBuffer.allocate(32);
            assertThrows(IllegalArgumentException.class, () -> encoder.extract(one, null, row, 1));
            assertThrows(IllegalStateException.class, () -> encoder.extractClips(one, row, null, 1));
        }
    }

    @Test
    void unreadableFilesAreNamedAndTheOthersKeepTheirFeatures() throws IOException {
        Path folder = dir.resolve("broken");
        for (int i = 0; i < 5; i++) {
            Path file = folder.resolve("c/" + i + ".png");
            Files.createDirectories(file.getParent());
            Files.write(
                    file,
                    i == 1 || i == 3
                            ? new byte[] {1, 2, 3}
                            : Pictures.encode(Pictures.buffered(Pictures.random(40, 36, 3, i)), "png"));
        }
        Dataset data = Dataset.scan(List.of(folder));
        try (Device device = Device.open("cpu");
                FeatureExtractor encoder = encoder(device, IMAGES, 2)) {
            List<ViewFeatures> kinds = List.of(new EncoderFeatures(encoder, FeatureTokens.POOLED));
            List<Integer> done = new ArrayList<>();
            SampleFeatures found =
                    SampleFeatures.of(data, IMAGES, VIEWS, kinds, new SampleFeatures.Settings(8, 3, 2, 1), done::add);
            assertEquals(List.of(2, 4, 5), done);
            assertEquals(
                    List.of(0, 2, 4),
                    found.samples().stream().map(Sample::index).toList());
            assertEquals(
                    List.of(data.samples().get(1).name(), data.samples().get(3).name()),
                    found.skipped().stream().map(s -> s.name()).toList());
            assertTrue(
                    found.skipped().get(0).reason().contains("1.png"),
                    found.skipped().toString());
            Files.delete(folder.resolve("c/0.png"));
            Files.delete(folder.resolve("c/2.png"));
            Files.delete(folder.resolve("c/4.png"));
            Dataset none = Dataset.scan(List.of(folder));
            IOException e = assertThrows(IOException.class, () -> features(none, IMAGES, kinds, 8, 2, 2));
            assertTrue(
                    e.getMessage().contains("None of the 2 files")
                            && e.getMessage().contains("1.png"),
                    e.getMessage());
        }
    }
}
