import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import java.util.Arrays;

/** Runs row_sums.cu on the device that is named: java ... RowSums.java emulated */
public class RowSums {
    public static void main(String[] arguments) {
        int rows = 3;
        int width = 100;
        try (Device device = Device.open(arguments[0]);
                Stream stream = device.newStream();
                Arena arena = new Arena("row sums")) {
            Tensor x = arena.floats("x", rows, width);
            Tensor y = arena.floats("y", rows);
            arena.allocate(device);
            float[] values = new float[rows * width];
            Arrays.fill(values, 0.5f);
            stream.write(x, values);
            Kernel kernel = device.kernel("row_sums", "row_sums", "ppii"); // file, kernel, parameter types
            stream.begin(kernel).arg(y).arg(x).arg(rows).arg(width).launch(2, 64); // blocks, threads
            System.out.println(Arrays.toString(stream.read(y)));
        }
    }
}
