"""A last layer in float16."""

import keras


def build() -> keras.Model:
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8, activation="relu", dtype="mixed_float16")(inputs)
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="mixed_float16")(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model
