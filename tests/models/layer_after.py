"""A layer after the activation."""

import keras


def build() -> keras.Model:
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    chances = keras.layers.Dense(6, activation="sigmoid")(hidden)
    outputs = keras.layers.Reshape((2, 3))(chances)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model
