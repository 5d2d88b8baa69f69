package io.github.vicmae.model;

/**
 * A step's losses.
 *
 * @param total reconstructionWeight * reconstruction + contrastiveWeight * contrastive
 * @param reconstruction mean over both views
 * @param contrastive InfoNCE
 */
public record Losses(double total, double reconstruction, double contrastive) {
    public boolean isFinite() {
        return Double.isFinite(total) && Double.isFinite(reconstruction) && Double.isFinite(contrastive);
    }
}
