package io.github.vicmae.device;

/**
 * JavaCPP refuses to allocate once the process is larger than a multiple of the Java heap. Device memory lies outside that heap, so the limit
 * would stop a healthy run.
 */
public final class JavaCppLimits {
    private JavaCppLimits() {}

    /** Lifts the limits, unless the user has set some. Has to be called before JavaCPP's first class is loaded. */
    public static void lift() {
        for (String property :
                new String[] {"org.bytedeco.javacpp.maxPhysicalBytes", "org.bytedeco.javacpp.maxBytes"}) {
            if (System.getProperty(property) == null) {
                System.setProperty(property, "0");
            }
        }
    }
}
