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

/** Converts what Java's image readers return to 8-bit images, using the stored values without colour space conversion. */
final class DecodedRaster {
    private DecodedRaster() {}

    /**
     * The picture with as many channels as it was stored with; palettes become RGB or RGBA, and CMYK becomes RGB.
     *
     * @param signed whether whole numbers of 32 bits are signed, which the picture does not say
     */
    static Image toImage(BufferedImage picture, boolean signed) {
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
        if (isNumbers(model, raster)) {
            return fromNumbers(raster, model, signed);
        }
        return fromArgb(picture);
    }

    /** Gray, RGB or CMYK in one number a channel, of any type. */
    private static boolean isNumbers(ColorModel model, Raster raster) {
        int colours = colours(model);
        return model instanceof ComponentColorModel
                && colours > 0
                && raster.getNumBands() >= colours
                && !model.isAlphaPremultiplied();
    }

    /** Channels of a colour: 1 gray, 3 RGB, 4 CMYK, 0 for others. */
    private static int colours(ColorModel model) {
        return switch (model.getColorSpace().getType()) {
            case ColorSpace.TYPE_GRAY -> 1;
            case ColorSpace.TYPE_RGB -> 3;
            case ColorSpace.TYPE_CMYK -> 4;
            default -> 0;
        };
    }

    private static Image fromNumbers(Raster raster, ColorModel model, boolean signed) {
        int width = raster.getWidth();
        int bands = raster.getNumBands();
        int colours = colours(model);
        boolean alpha = model.hasAlpha() && bands > colours;
        boolean inks = colours == 4;
        int channels = (inks ? 3 : colours) + (alpha ? 1 : 0);
        byte[] out = new byte[width * raster.getHeight() * channels];
        double[] row = new double[width * bands];
        int[] pixel = new int[bands];
        for (int y = 0, d = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < bands; c++) {
                    pixel[c] = level(row[x * bands + c], raster.getTransferType(), signed);
                }
                for (int c = 0; c < channels - (alpha ? 1 : 0); c++) {
                    out[d++] = (byte) (inks ? light(255 - pixel[c], 255 - pixel[3]) : pixel[c]);
                }
                if (alpha) {
                    out[d++] = (byte) pixel[colours];
                }
            }
        }
        return new Image(width, raster.getHeight(), channels, out);
    }

    /** A stored number scaled to 0 to 255 by the largest value of its type; floats are taken as 0 to 1. */
    private static int level(double value, int type, boolean signed) {
        double share =
                switch (type) {
                    case DataBuffer.TYPE_BYTE -> value / 0xFF;
                    case DataBuffer.TYPE_USHORT -> value / 0xFFFF;
                    case DataBuffer.TYPE_SHORT -> value / Short.MAX_VALUE;
                    case DataBuffer.TYPE_INT ->
                        signed
                                ? value / Integer.MAX_VALUE
                                : (value < 0 ? value + 0x100000000L : value) / 0xFFFFFFFFL; // rasters have signed ones
                    default -> value;
                };
        return share > 0 ? (int) Math.round(255 * Math.min(1, share)) : 0;
    }

    /** The light that both a colour's ink and the black ink let through, given what each lets through alone. */
    private static int light(int colour, int black) {
        return (colour * black + 127) / 255;
    }

    /**
     * Four components of a JPEG file as RGB. Under Adobe's marker they are light, otherwise ink.
     *
     * @param transform of Adobe's marker: 2 for YCCK, -1 without the marker
     */
    static Image fromJpegInks(Raster raster, int transform) {
        int width = raster.getWidth();
        byte[] out = new byte[width * raster.getHeight() * 3];
        int[] row = new int[width * 4];
        for (int y = 0, d = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < 4 * width; x += 4) {
                if (transform == 2) {
                    fromYcc(row, x);
                }
                int black = transform >= 0 ? row[x + 3] : 255 - row[x + 3];
                for (int c = 0; c < 3; c++) {
                    out[d++] = (byte) light(transform >= 0 ? row[x + c] : 255 - row[x + c], black);
                }
            }
        }
        return new Image(width, raster.getHeight(), 3, out);
    }

    /** YCCK's first three values as CMY (JFIF's YCbCr of the opposite colour). */
    private static void fromYcc(int[] row, int at) {
        double luma = row[at];
        double blue = row[at + 1] - 128;
        double red = row[at + 2] - 128;
        row[at] = 255 - clamp(luma + 1.402 * red);
        row[at + 1] = 255 - clamp(luma - 0.344136 * blue - 0.714136 * red);
        row[at + 2] = 255 - clamp(luma + 1.772 * blue);
    }

    private static int clamp(double value) {
        return (int) Math.max(0, Math.min(255, Math.round(value)));
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
