package io.github.vicmae.examples;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.eval.Encoder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Prints the first values of each picture's features. */
public final class EmbedPictures {
    private static final int SHOWN = 4;

    private EmbedPictures() {}

    public static void main(String[] args) {
        if (args.length < 2) {
            System.err.println("Name a model file and at least one picture.");
            System.exit(2);
        }
        List<Path> files = Arrays.stream(args).map(Path::of).toList();
        try (Device device = Device.auto()) {
            embed(device, files.get(0), files.subList(1, files.size()), System.out);
        } catch (IOException | DeviceException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    static void embed(Device device, Path model, List<Path> pictures, PrintStream out) throws IOException {
        try (Encoder encoder = Encoder.load(model, device)) {
            for (Path picture : pictures) {
                float[] features = encoder.embed(picture);
                out.println(picture + " " + Arrays.toString(Arrays.copyOf(features, Math.min(SHOWN, features.length))));
            }
        }
    }
}
