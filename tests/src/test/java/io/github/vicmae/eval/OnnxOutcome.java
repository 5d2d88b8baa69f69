package io.github.vicmae.eval;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * What ONNX Runtime makes of views.
 *
 * @param features [n][D]
 * @param tokens [n][T][D]
 * @param metadata the model's texts
 */
record OnnxOutcome(float[][] features, float[][][] tokens, Map<String, String> metadata) {
    /** @param shape [n, C, H, W] */
    static OnnxOutcome of(Path file, FloatBuffer views, long... shape) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions();
                OrtSession session = environment.createSession(file.toString(), options);
                OnnxTensor images = OnnxTensor.createTensor(environment, views, shape);
                OrtSession.Result result = session.run(Map.of("images", images))) {
            return new OnnxOutcome(
                    (float[][]) result.get("features").orElseThrow().getValue(),
                    (float[][][]) result.get("tokens").orElseThrow().getValue(),
                    session.getMetadata().getCustomMetadata());
        }
    }
}
