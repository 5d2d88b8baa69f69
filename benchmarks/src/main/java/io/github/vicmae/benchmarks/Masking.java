package io.github.vicmae.benchmarks;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Philox;
import java.nio.IntBuffer;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** Random masks: each patch's noise drawn, and ranked. */
public class Masking extends KernelBenchmark {
    /** samples x patches x kept patches */
    @Param({"64x196x49", "512x64x16"})
    public String shape;

    private int samples;
    private int patches;
    private int kept;

    @Override
    Workload open(Bench b, Implementation who) {
        int[] size = sizes(shape, 3);
        samples = size[0];
        patches = size[1];
        kept = size[2];
        IntBuffer keys = IntBuffer.allocate(samples * Philox.KEY_WORDS);
        for (int i = 0; i < samples; i++) {
            new Philox(1, 0, i, 0).key(keys, i * Philox.KEY_WORDS);
        }
        Tensor kt = b.integers("keys", keys.array(), samples, Philox.KEY_WORDS);
        Tensor noise = b.resultFloats("noise", samples, patches);
        Tensor restore = b.result(b.arena().tensor("restore", DType.I32, samples, patches));
        Tensor keep = b.arena().tensor("keep", DType.I32, samples, kept);
        return b.run(() -> {
            b.kernels().masking().draw(noise, kt, samples, patches);
            b.kernels().masking().rank(restore, keep, noise, samples, patches, kept);
        });
    }

    @Override
    List<Expected> expected() {
        double[] noise = new double[samples * patches];
        double[] ranks = new double[samples * patches];
        for (int n = 0; n < samples; n++) {
            Philox random = new Philox(1, 0, n, 0);
            for (int i = 0; i < patches; i++) {
                noise[n * patches + i] = random.nextFloat();
            }
            for (int i = 0; i < patches; i++) {
                for (int j = 0; j < patches; j++) {
                    double a = noise[n * patches + i];
                    double b = noise[n * patches + j];
                    ranks[n * patches + i] += b < a || b == a && j < i ? 1 : 0;
                }
            }
        }
        return List.of(new Expected("noise", noise, 0), new Expected("restore", ranks, 0));
    }

    @Override
    Cost cost() {
        return new Cost(4.0 * samples * (2 * patches + kept), 0);
    }
}
