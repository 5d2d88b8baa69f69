package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotsTest {
    @TempDir
    Path run;

    private static ReportData.Sample sample(int frames, int colour) {
        BufferedImage image = new BufferedImage(frames * 10, 8, BufferedImage.TYPE_INT_RGB);
        image.setRGB(0, 0, colour);
        return new ReportData.Sample(
                "x", "", List.of(new ReconstructionGrid.Images(frames, image, image, image, image)));
    }

    @Test
    void firstAndLastStayAndThereAreNeverMany() throws IOException {
        Snapshots snapshots = new Snapshots(run);
        assertTrue(snapshots.read().isEmpty());
        for (int step = 10; step <= 1000; step += 10) {
            snapshots.add(step, List.of(sample(1, 0xFF)));
        }
        List<String> names = new ArrayList<>(snapshots.read().keySet());
        assertEquals(List.of("input", "masked", "step 10"), names.subList(0, 3));
        assertEquals("step 1000", names.get(names.size() - 1));
        assertTrue(names.size() > 6 && names.size() <= 14, names.toString());
        snapshots.removeAfter(500);
        names = new ArrayList<>(snapshots.read().keySet());
        int last = Integer.parseInt(names.get(names.size() - 1).substring("step ".length()));
        assertTrue(last <= 500, names.toString());
    }

    @Test
    void imagesStandBesideEachOtherAndClipsBelow() throws IOException {
        Snapshots snapshots = new Snapshots(run);
        snapshots.add(1, List.of(sample(1, 0x11), sample(1, 0x22), sample(4, 0x33), sample(4, 0x44)));
        Map<String, byte[]> pictures = snapshots.read();
        BufferedImage shown = ImageIO.read(new ByteArrayInputStream(pictures.get("step 1")));
        assertEquals(40, shown.getWidth());
        assertEquals(8 + 4 + 8 + 4 + 8, shown.getHeight());
        assertEquals(0x11, shown.getRGB(0, 0) & 0xFFFFFF);
        assertEquals(0x22, shown.getRGB(14, 0) & 0xFFFFFF);
        assertEquals(0x33, shown.getRGB(0, 12) & 0xFFFFFF);
        assertEquals(0x44, shown.getRGB(0, 24) & 0xFFFFFF);
    }
}
