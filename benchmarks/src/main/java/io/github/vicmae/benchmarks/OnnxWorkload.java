package io.github.vicmae.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.vicmae.device.Closing;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;
import org.lwjgl.BufferUtils;

/** The exported encoder by ONNX Runtime on the CPU: all optimisations, a thread for each processor. */
final class OnnxWorkload extends HostWork {
    private final OrtSession session;
    private final OnnxTensor input;
    private final FloatBuffer features;

    /**
     * @param graph as {@code vicmae export} writes it
     * @param images normalised, of this shape
     */
    OnnxWorkload(Path graph, float[] images, long[] shape) throws IOException {
        this(open(graph), images, shape);
    }

    private OnnxWorkload(OrtSession session, float[] images, long[] shape) throws IOException {
        super(session);
        this.session = session;
        FloatBuffer values = BufferUtils.createFloatBuffer(images.length).put(0, images);
        try {
            input = OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), values, shape);
            features = BufferUtils.createFloatBuffer((int) (shape[0] * width()));
        } catch (OrtException e) {
            Closing.after(e, session);
            throw new IOException("ONNX Runtime takes no such images: " + e.getMessage(), e);
        }
    }

    private long width() throws OrtException {
        long[] shape = ((ai.onnxruntime.TensorInfo)
                        session.getOutputInfo().get("features").getInfo())
                .getShape();
        return shape[1];
    }

    private static OrtSession open(Path graph) throws IOException {
        // It has to live as long as the session is made; what it holds is copied.
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            options.setIntraOpNumThreads(
                    Integer.getInteger("vicmae.threads", Runtime.getRuntime().availableProcessors()));
            return OrtEnvironment.getEnvironment().createSession(graph.toString(), options);
        } catch (OrtException e) {
            throw new IOException("ONNX Runtime cannot run " + graph + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void launch() {
        try (OrtSession.Result result = session.run(Map.of("images", input))) {
            OnnxTensor tensor = (OnnxTensor)
                    result.get("features").orElseThrow(() -> new IllegalStateException("The graph has no features"));
            features.put(0, tensor.getFloatBuffer(), 0, features.capacity());
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime failed: " + e.getMessage(), e);
        }
    }

    @Override
    public float[] result(String name) {
        float[] values = new float[features.capacity()];
        features.get(0, values);
        return values;
    }
}
