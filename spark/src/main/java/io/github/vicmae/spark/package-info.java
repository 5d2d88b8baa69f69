/** Embedding of collections beyond one machine: the encoder as a transformation of Spark's data frames, and as a job. */
package io.github.vicmae.spark;
