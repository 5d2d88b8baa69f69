package io.github.vicmae.data;

import java.awt.Shape;
import java.awt.geom.Area;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.util.Locale;

/** The classes of {@link SyntheticShapes}: an outline of radius 1 about the origin, and how it turns and deforms. */
enum ShapeKind {
    CIRCLE(0, 0.22, 0),
    CRESCENT(0.25, 0.05, 0.12),
    CROSS(0.35, 0, 0.15),
    HEART(0.1, 0.18, 0),
    RING(0, 0.1, 0.2),
    SQUARE(0.3, 0.08, 0),
    STAR(0.5, 0.1, 0),
    TRIANGLE(0.2, 0, 0.2);

    private final double spin;
    private final double pulse;
    private final double stretch;

    /**
     * @param spin turns a second
     * @param pulse share by which the whole size swings
     * @param stretch share by which the two axes swing against each other
     */
    ShapeKind(double spin, double pulse, double stretch) {
        this.spin = spin;
        this.pulse = pulse;
        this.stretch = stretch;
    }

    double spin() {
        return spin;
    }

    double pulse() {
        return pulse;
    }

    double stretch() {
        return stretch;
    }

    /** The class's name, as its folder is called. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    Shape outline() {
        return switch (this) {
            case CIRCLE -> disc(0, 0, 0.9);
            case CRESCENT -> without(disc(0, 0, 1), disc(0.45, 0, 0.8));
            case CROSS -> with(rectangle(1, 0.32), rectangle(0.32, 1));
            case HEART -> heart();
            case RING -> without(disc(0, 0, 1), disc(0, 0, 0.55));
            case SQUARE -> rectangle(0.8, 0.8);
            case STAR -> polygon(5, 0.42);
            case TRIANGLE -> polygon(3, 0.5);
        };
    }

    private static Shape disc(double x, double y, double radius) {
        return new Ellipse2D.Double(x - radius, y - radius, 2 * radius, 2 * radius);
    }

    private static Shape rectangle(double halfWidth, double halfHeight) {
        return new Rectangle2D.Double(-halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
    }

    private static Shape with(Shape first, Shape second) {
        Area area = new Area(first);
        area.add(new Area(second));
        return area;
    }

    private static Shape without(Shape first, Shape second) {
        Area area = new Area(first);
        area.subtract(new Area(second));
        return area;
    }

    /** Points on the unit circle with others between them at {@code inner}; for a triangle 0.5 puts those on its sides. */
    private static Shape polygon(int points, double inner) {
        Path2D path = new Path2D.Double();
        for (int i = 0; i < 2 * points; i++) {
            double radius = i % 2 == 0 ? 1.05 : 1.05 * inner;
            double angle = Math.PI * i / points - Math.PI / 2;
            if (i == 0) {
                path.moveTo(radius * Math.cos(angle), radius * Math.sin(angle));
            } else {
                path.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
            }
        }
        path.closePath();
        return path;
    }

    private static Shape heart() {
        Path2D path = new Path2D.Double();
        path.moveTo(0, 0.95);
        path.curveTo(-1.5, -0.1, -0.75, -1.15, 0, -0.4);
        path.curveTo(0.75, -1.15, 1.5, -0.1, 0, 0.95);
        path.closePath();
        return path;
    }
}
