package io.github.vicmae.train;

import io.github.vicmae.io.TensorSource;
import io.github.vicmae.model.Checkpoint;
import io.github.vicmae.model.MisfitException;
import io.github.vicmae.objective.Objective;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The weights that a run starts from where its settings name a file. */
final class InitialWeights {
    private InitialWeights() {}

    /**
     * Loads them; does nothing where the run starts from random values.
     *
     * @return whether any were loaded
     * @throws IOException if the file cannot be read or does not fit the model
     */
    static boolean load(TrainSettings settings, Objective model, Progress progress) throws IOException {
        if (settings.init() == null) {
            return false;
        }
        try (TensorSource file = TensorSource.open(Path.of(settings.init()))) {
            TensorSource source = model.startingFrom(file);
            if (settings.initPartial()) {
                List<String> kept = Checkpoint.startPartly(source, model.state());
                if (!kept.isEmpty()) {
                    progress.warning("Only part of " + settings.init()
                            + " fits this model. These tensors start from random values: " + String.join(", ", kept));
                }
                return true;
            }
            List<String> passedOver = Checkpoint.start(source, model.state(), model::isOptional);
            if (!passedOver.isEmpty()) {
                progress.warning(settings.init() + " holds tensors that this model does not use; they are ignored: "
                        + String.join(", ", passedOver));
            }
            return true;
        } catch (MisfitException e) {
            // A classifier takes an encoder or none.
            String advice = settings.model().objective().hasDecoder() ? "\n--init-partial takes what fits." : "";
            throw new IOException(e.getMessage() + advice, e);
        }
    }
}
