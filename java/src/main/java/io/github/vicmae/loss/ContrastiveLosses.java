package io.github.vicmae.loss;

import io.github.vicmae.kernel.oracle.ContrastiveOracle;
import io.github.vicmae.kernel.oracle.InfoNceOracle;
import io.github.vicmae.kernel.oracle.SimSiamOracle;
import io.github.vicmae.kernel.oracle.VicRegOracle;
import java.util.List;
import java.util.stream.Collectors;

/** The built-in contrastive losses. */
public final class ContrastiveLosses {
    /** The loss of the paper and of the published code. */
    public static final String DEFAULT = "infonce";

    private static final String INFO_NCE_SOURCE =
            "van den Oord, Li and Vinyals 2018, arXiv 1807.03748; symmetric: Chen et al. 2020, arXiv 2002.05709";

    private static final List<BuiltInLoss> ALL = List.of(
            new BuiltInLoss(
                    DEFAULT,
                    "Fused InfoNCE without its logits in memory; where columns are rows, only half of them are computed.",
                    INFO_NCE_SOURCE,
                    DEFAULT,
                    true,
                    2,
                    InfoNce::new,
                    ContrastiveLosses::infoNceOracle),
            new BuiltInLoss(
                    "infonce-tiled",
                    "Fused InfoNCE in its general form, also where columns are rows.",
                    INFO_NCE_SOURCE,
                    DEFAULT,
                    true,
                    2,
                    TiledInfoNce::new,
                    ContrastiveLosses::infoNceOracle),
            new BuiltInLoss(
                    "infonce-naive",
                    "InfoNCE with its R x K logits and their gradient in memory, as frameworks compute it.",
                    INFO_NCE_SOURCE,
                    DEFAULT,
                    true,
                    2,
                    NaiveInfoNce::new,
                    ContrastiveLosses::infoNceOracle),
            new BuiltInLoss(
                    "vicreg",
                    "VICReg: pairs close, every width spread out, widths uncorrelated; no negatives.",
                    "Bardes, Ponce and LeCun, ICLR 2022, arXiv 2105.04906",
                    "vicreg",
                    false,
                    4,
                    VicReg::new,
                    shape -> new VicRegOracle(
                            shape.rows(),
                            shape.width(),
                            VicReg.INVARIANCE,
                            VicReg.VARIANCE,
                            VicReg.COVARIANCE,
                            VicReg.GAMMA,
                            VicReg.EPS)),
            new BuiltInLoss(
                    "simsiam",
                    "SimSiam: the negative cosine of a row and the other view's column, which is held constant.",
                    "Chen and He, CVPR 2021, arXiv 2011.10566",
                    "simsiam",
                    false,
                    2,
                    SimSiam::new,
                    shape -> new SimSiamOracle(shape.rows(), shape.width())));

    private ContrastiveLosses() {}

    private static ContrastiveOracle infoNceOracle(ContrastiveShape shape) {
        return InfoNceOracle.ofTwoViews(shape.rows(), shape.columns(), shape.width(), shape.temperature());
    }

    /** All of them. */
    public static List<BuiltInLoss> all() {
        return ALL;
    }

    /**
     * Returns a loss by its name.
     *
     * @throws IllegalArgumentException if there is none of that name
     */
    public static BuiltInLoss named(String name) {
        for (BuiltInLoss loss : ALL) {
            if (loss.name().equals(name)) {
                return loss;
            }
        }
        throw new IllegalArgumentException("There is no contrastive loss '" + name + "': use "
                + ALL.stream().map(BuiltInLoss::name).collect(Collectors.joining(", ")));
    }

    static void wantsNoExtraColumns(String loss, ContrastiveShape shape) {
        if (shape.columns() != shape.rows()) {
            throw new IllegalArgumentException(loss + " has no negatives, and so no use for extra columns: it needs as"
                    + " many columns as rows, but was given " + shape.rows() + " x " + shape.columns());
        }
    }
}
