package io.github.vicmae.data.image;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;

/** Takes the samples out of what Java's image readers return, without their conversion of colour spaces. */
final class DecodedRaster {
    private DecodedRaster() {}

    /** The picture with as many channels as it was stored with; palettes become RGB or RGBA. */
    static Image toImage(BufferedImage picture) {
        ColorModel model = picture.getColorModel();
        Raster raster = picture.getRaster();
        if (model instanceof IndexColorModel palette && raster.getNumBands() == 1) {
            return fromPalette(raster, palette);
        }
        if (isPlain(model, raster)) {
            return raster.getTransferType() == DataBuffer.TYPE_BYTE
                            && raster.getSampleModel() instanceof PixelInterleavedSampleModel layout
                    ? fromBytes(raster, layout)
                    : fromSamples(raster);
        }
        return fromArgb(picture);
    }

    /** Gray or RGB stored as one unsigned value of 8 or 16 bits a channel. */
    private static boolean isPlain(ColorModel model, Raster raster) {
        int type = model.getColorSpace().getType();
        int bands = raster.getNumBands();
        int colours = type == ColorSpace.TYPE_GRAY ? 1 : 3;
        boolean wide = raster.getTransferType() == DataBuffer.TYPE_USHORT;
        return model instanceof ComponentColorModel
                && (type == ColorSpace.TYPE_GRAY || type == ColorSpace.TYPE_RGB)
                && (wide || raster.getTransferType() == DataBuffer.TYPE_BYTE)
                && model.getComponentSize(0) == (wide ? 16 : 8)
                && bands == colours + (model.hasAlpha() ? 1 : 0)
                && !model.isAlphaPremultiplied();
    }

    private static Image fromPalette(Raster raster, IndexColorModel palette) {
        int width = raster.getWidth();
        int channels = palette.hasAlpha() ? 4 : 3;
        byte[] out = new byte[width * raster.getHeight() * channels];
        int[] row = new int[width];
        for (int y = 0, d = 0; y < raster.getHeight(); y++) {
            raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, 0, row);
            for (int index : row) {
                int argb = index < palette.getMapSize() ? palette.getRGB(index) : 0xFF000000;
                d = put(out, d, argb, channels);
            }
        }
        return new Image(width, raster.getHeight(), channels, out);
    }

    private static Image fromBytes(Raster raster, PixelInterleavedSampleModel layout) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        int bands = raster.getNumBands();
        byte[] in = ((DataBufferByte) raster.getDataBuffer()).getData();
        int origin = raster.getDataBuffer().getOffset()
                - raster.getSampleModelTranslateX() * layout.getPixelStride()
                - raster.getSampleModelTranslateY() * layout.getScanlineStride();
        byte[] out = new byte[width * height * bands];
        for (int c = 0; c < bands; c++) {
            int offset = origin + layout.getBandOffsets()[c];
            for (int y = 0; y < height; y++) {
                int s = offset + y * layout.getScanlineStride();
                int d = y * width * bands + c;
                for (int x = 0; x < width; x++, s += layout.getPixelStride(), d += bands) {
                    out[d] = in[s];
                }
            }
        }
        return new Image(width, height, bands, out);
    }

    private static Image fromSamples(Raster raster) {
        int width = raster.getWidth();
        int bands = raster.getNumBands();
        boolean wide = raster.getTransferType() == DataBuffer.TYPE_USHORT;
        byte[] out = new byte[width * raster.getHeight() * bands];
        int[] row = new int[width * bands];
        for (int y = 0, d = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int value : row) {
                out[d++] = (byte) (wide ? (value + 128) / 257 : value);
            }
        }
        return new Image(width, raster.getHeight(), bands, out);
    }

    private static Image fromArgb(BufferedImage picture) {
        int width = picture.getWidth();
        int channels = picture.getColorModel().hasAlpha() ? 4 : 3;
        byte[] out = new byte[width * picture.getHeight() * channels];
        int[] row = new int[width];
        for (int y = 0, d = 0; y < picture.getHeight(); y++) {
            picture.getRGB(0, y, width, 1, row, 0, width);
            for (int argb : row) {
                d = put(out, d, argb, channels);
            }
        }
        return new Image(width, picture.getHeight(), channels, out);
    }

    private static int put(byte[] out, int at, int argb, int channels) {
        out[at] = (byte) (argb >> 16);
        out[at + 1] = (byte) (argb >> 8);
        out[at + 2] = (byte) argb;
        if (channels == 4) {
            out[at + 3] = (byte) (argb >>> 24);
        }
        return at + channels;
    }
}
