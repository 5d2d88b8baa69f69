package io.github.vicmae.model;

import io.github.vicmae.device.DType;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.PatchGrid;
import io.github.vicmae.layer.Context;
import io.github.vicmae.layer.DecoderTokens;
import io.github.vicmae.layer.Linear;
import io.github.vicmae.layer.Positions;

/** How the encoder's output becomes the decoder's tokens: one linear map, and mask tokens and positions before or after it. */
interface DecoderEmbedding {
    /** Writes the decoder's tokens [samples, all, Dd] from the encoder's output [samples, visible, D]. */
    void forward(Tensor tokens, Tensor encoded, Tensor restore);

    /** Adds the parameters' gradients and writes that of the encoder's output. */
    void backward(Tensor dencoded, Tensor dtokens, Tensor encoded, Tensor restore, Tensor keep);

    static DecoderEmbedding of(Context context, TrunkConfig trunk, DecoderConfig c, ViewBatch views, PatchGrid grid) {
        return c.embedsLast()
                ? new TokensThenMap(context, trunk, c, views, grid)
                : new MapThenTokens(context, trunk, c, views, grid);
    }

    /** The visible tokens are mapped, then put in their places among mask tokens of the decoder's width (He et al. 2022). */
    final class MapThenTokens implements DecoderEmbedding {
        private final Linear embed;
        private final DecoderTokens places;
        private final Tensor embedded;

        MapThenTokens(Context context, TrunkConfig trunk, DecoderConfig c, ViewBatch views, PatchGrid grid) {
            int samples = views.samples();
            embed = new Linear(context, "decoder_embed", trunk.dim(), c.dim(), samples * views.tokens());
            Positions.Kind positions = trunk.positions().over(trunk.grid());
            places = new DecoderTokens(
                    context,
                    grid,
                    views.grid(),
                    positions,
                    c.ownClassToken(),
                    samples,
                    views.kept(),
                    c.dim(),
                    1,
                    1,
                    c.dim());
            embedded = context.activation("decoder_embed", samples, views.tokens(), c.dim());
        }

        @Override
        public void forward(Tensor tokens, Tensor encoded, Tensor restore) {
            embed.forward(embedded, encoded);
            places.forward(tokens, embedded, restore);
        }

        @Override
        public void backward(Tensor dencoded, Tensor dtokens, Tensor encoded, Tensor restore, Tensor keep) {
            places.backward(embedded, dtokens, restore, keep);
            embed.backwardParameters(embedded, encoded);
            embed.backwardInput(dencoded, embedded, false);
        }
    }

    /** Mask tokens and positions have the encoder's width, and all tokens are mapped (Girdhar et al. 2023). */
    final class TokensThenMap implements DecoderEmbedding {
        private final Context context;
        private final DecoderTokens places;
        private final Linear embed;
        private final Tensor placed;
        /** The map's input and output in the products' type. */
        private final Tensor input;

        private final Tensor output;
        private final Tensor dplaced;

        TokensThenMap(Context context, TrunkConfig trunk, DecoderConfig c, ViewBatch views, PatchGrid grid) {
            this.context = context;
            int samples = views.samples();
            int dim = trunk.dim();
            Context known = context.sharing();
            // The decoder's positions are the encoder's table.
            Positions.Kind positions = (ignored, name, of, width) ->
                    trunk.positions().over(trunk.grid()).declare(known, "pos_embed", of, width);
            places = new DecoderTokens(
                    context, grid, views.grid(), positions, false, samples, views.kept(), dim, 1, dim);
            embed = new Linear(context, "decoder_embed", dim, c.dim(), samples * grid.tokens());
            placed = context.activations().floats("decoder tokens", samples, grid.tokens(), dim);
            boolean floats = context.precision().dtype() == DType.F32;
            input = floats ? placed : context.activation("rounded decoder tokens", samples, grid.tokens(), dim);
            output = floats ? null : context.activation("decoder_embed", samples, grid.tokens(), c.dim());
            dplaced = context.activations().floats("d decoder tokens", samples, grid.tokens(), dim);
        }

        @Override
        public void forward(Tensor tokens, Tensor encoded, Tensor restore) {
            places.forward(placed, encoded, restore);
            if (output == null) {
                embed.forward(tokens, placed);
                return;
            }
            context.kernels().pointwise().convert(input, placed);
            embed.forward(output, input);
            context.kernels().pointwise().convert(tokens, output);
        }

        @Override
        public void backward(Tensor dencoded, Tensor dtokens, Tensor encoded, Tensor restore, Tensor keep) {
            Tensor doutput = dtokens;
            if (output != null) {
                context.kernels().pointwise().convert(output, dtokens);
                doutput = output;
            }
            embed.backwardParameters(doutput, input);
            embed.backwardInput(dplaced, doutput, false);
            places.backward(dencoded, dplaced, restore, keep);
        }
    }
}
