package io.github.vicmae.train;

import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ReducedImage;
import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.view.ViewSettings;
import java.util.Collections;
import java.util.List;

/**
 * A sample that a program gives to a {@link Pretrainer}; its views are cropped from it at random.
 *
 * @param kind selects the changes of colour and the scale of crops, as they are for a file of that kind
 * @param images one, of which all views are made, or all frames of all views, one view after the other; of any size and number of channels
 */
public record TrainingSample(Kind kind, List<Image> images) {
    /**
     * @throws IllegalArgumentException if there are no images
     */
    public TrainingSample {
        images = List.copyOf(images);
        if (images.isEmpty()) {
            throw new IllegalArgumentException("A sample has an image or the frames of its views, not nothing");
        }
    }

    /** A picture, of which every view is another crop. */
    public static TrainingSample image(Image image) {
        return new TrainingSample(Kind.IMAGE, List.of(image));
    }

    /** Two frames of a video, some time apart: a view is made of each. */
    public static TrainingSample pair(Image first, Image second) {
        return new TrainingSample(Kind.VIDEO, List.of(first, second));
    }

    /** All frames of a video's views, one view after the other. */
    public static TrainingSample frames(List<Image> frames) {
        return new TrainingSample(Kind.VIDEO, frames);
    }

    /** Every frame of every view. */
    List<ReducedImage> all(ViewSettings views) {
        int wanted = views.views() * views.frames();
        if (images.size() != 1 && images.size() != wanted) {
            throw new IllegalArgumentException("A sample has 1 image or " + wanted + " frames, for " + views.views()
                    + (views.views() == 1 ? " view of " : " views of ") + views.frames()
                    + (views.frames() == 1 ? " frame" : " frames") + ", not " + images.size());
        }
        return images.size() == wanted
                ? images.stream().map(ReducedImage::of).toList()
                : Collections.nCopies(wanted, ReducedImage.of(images.get(0)));
    }
}
