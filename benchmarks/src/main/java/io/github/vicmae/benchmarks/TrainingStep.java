package io.github.vicmae.benchmarks;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Precision;
import io.github.vicmae.kernel.Philox;
import io.github.vicmae.model.Execution;
import io.github.vicmae.model.ModelConfig;
import io.github.vicmae.model.ModelSize;
import io.github.vicmae.model.StepInput;
import io.github.vicmae.model.Variant;
import io.github.vicmae.model.ViCMae;
import io.github.vicmae.optim.AdamW;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** A whole training step: forward, backward and update. With {@code -prof gc} it shows what a step allocates on the Java heap. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 3)
@Fork(1)
public class TrainingStep {
    @Param("cpu")
    public String device;

    @Param("ti8")
    public String model;

    @Param("32")
    public int batch;

    @Param({"fp32", "bf16"})
    public String precision;

    private Device opened;
    private ViCMae vicmae;
    private AdamW optimizer;
    private io.github.vicmae.train.TrainingStep steps;

    @Setup(Level.Trial)
    public void setUp() {
        ModelConfig config = ModelSize.of(model).config(Variant.PAPER);
        opened = Device.open(device);
        vicmae = new ViCMae(opened, config, batch, Execution.of(Precision.of(precision)));
        optimizer = new AdamW(vicmae.kernels(), vicmae.parameters(), AdamW.Settings.DEFAULT);
        steps = new io.github.vicmae.train.TrainingStep(vicmae, optimizer);
        vicmae.parameters().initialise(vicmae.kernels(), 1);
        Philox random = new Philox(1, 0, 0, 0);
        StepInput input = vicmae.input(0);
        for (int i = 0; i < input.optimizerOffset(); i++) {
            boolean pixel = i < input.noiseOffset();
            input.host().floats().put(i, pixel ? (float) random.nextGaussian() : random.nextFloat());
        }
        step();
        if (!steps.isFinite()) {
            throw new IllegalStateException("The step to be timed is wrong: " + steps.losses());
        }
    }

    @Benchmark
    public void step() {
        steps.submit(1, 0.03, 1e-4);
        steps.finish();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        steps.close();
        optimizer.close();
        vicmae.close();
        opened.close();
    }
}
